"""Labels of a prompt set forgotten one after the other with features of a dictionary."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from models.evaluation.unlearning import Outcome, Questions, Setting, Share, Unlearning, unlearning
from models.experiments.forgetting_prompts import ForgettingPrompts
from models.experiments.labelled_groups import label_of_groups
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.selecting_half import selecting_prompts
from models.experiments.settings.unlearning import UnlearningSettings

Given = ExperimentInput[UnlearningSettings]


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """All prompts belong together: what one label forgets the others are to keep."""
    read = ForgettingPrompts.of(given.host, given.features, prompts)
    unedited = read.edited((), 0.0)
    return {
        "unlearning": [
            row
            for label in given.settings.forget or _labels(given)
            for row in given.kept.result(
                f"label {label}", lambda label=label: list(_rows(given, read, unedited, label))
            )
        ]
    }


def _rows(given: Given, read: ForgettingPrompts, unedited: Outcome, label: str) -> Iterator[dict[str, Any]]:
    known, is_forget_N = np.flatnonzero(unedited.right_N), _is_of(given, label)
    is_choosing_N = _is_choosing(given)
    _check_known(given, label, is_forget_N[known], is_choosing_N[known])
    rates = [read.rates(known[(is_forget_N == is_so)[known] & is_choosing_N[known]]) for is_so in (True, False)]
    groups = [given.prompts[row].group_name for row in known.tolist()]
    questions = Questions(is_forget_N[known], groups, is_choosing_N[known], rates[0], rates[1])

    def edited(features: Sequence[int], value: float) -> Outcome:
        if features:
            return read.edited(features, value, known)
        return Outcome(unedited.right_N[known], unedited.loss_N[known])

    for row in unlearning(questions, _settings(given), edited, lambda some: _like(given, some), given.seed):
        yield (
            {"recipe_id": given.features.recipe_id, "forgotten": label}
            | _row(row)
            | {"n_asked": int(is_forget_N.sum())}
        )


def _like(given: Given, features: Sequence[int]) -> list[int]:
    """Another feature of like density for each, none twice."""
    chance, found = np.random.default_rng([given.seed, *features]), list[int]()
    for feature in features:
        found.append(int(chance.choice(given.features.of_like_density(feature, [*features, *found]))))
    return found


def _row(row: Unlearning) -> dict[str, Any]:
    setting = row.setting
    return {
        "condition": row.condition,
        "half": row.half,
        "max_retain_rate": None if setting is None else setting.most_retain_rate,
        "n_features": None if setting is None else setting.n_features,
        "multiple": None if setting is None else setting.multiple,
        "feature_ids": list(row.features),
        "is_selected": row.is_selected,
        **_columns("forget", row.forget),
        **_columns("retain", row.retain),
    }


def _columns(name: str, share: Share) -> dict[str, Any]:
    return {
        f"{name}_accuracy": share.value,
        f"{name}_ci_low": share.low,
        f"{name}_ci_high": share.high,
        f"{name}_loss": share.loss,
        f"n_{name}": share.n,
    }


def _settings(given: Given) -> list[Setting]:
    settings = given.settings
    return [Setting(*each) for each in product(settings.retain_rates, settings.features, settings.multiples)]


def _labels(given: Given) -> list[str]:
    return sorted({str(prompt.prompt.label) for prompt in given.prompts})


def _is_of(given: Given, label: str) -> np.ndarray:
    return np.array([prompt.prompt.label == label for prompt in given.prompts])


def _is_choosing(given: Given) -> np.ndarray:
    """Every second group of each label chooses."""
    choosing: set[int] = set()
    for label in _labels(given):
        choosing |= selecting_prompts([prompt for prompt in given.prompts if prompt.prompt.label == label])
    return np.array([prompt.prompt_id in choosing for prompt in given.prompts])


def _check_known(given: Given, label: str, is_forget_M: np.ndarray, is_choosing_M: np.ndarray) -> None:
    fewest = given.settings.fewest_known
    for is_so, what in ((True, f"of {label}"), (False, "of the other labels")):
        for half in (True, False):
            if (n := int(((is_forget_M == is_so) & (is_choosing_M == half)).sum())) < fewest:
                raise ValueError(
                    f"{given.host.architecture} answers {n} prompts {what} rightly in the half that "
                    f"{'chooses' if half else 'is reported'}, wanted {fewest} (`fewest_known`): nothing else can be "
                    "forgotten; add prompts that it knows, in groups of their own, or name other labels in `forget`"
                )


def _check(given: Given) -> None:
    """Labels and groups, before the first pass."""
    given.features.require_autoencoder()
    labels = _labels(given)
    if len(labels) < 2:
        raise InvalidPrompt(f"all rows have the label {labels[0]!r}: nothing else could be kept; add rows of another")
    if unknown := sorted(set(given.settings.forget or ()) - set(labels)):
        raise InvalidPrompt(f"forget: no row has the label {unknown[0]!r}; there are {', '.join(labels)}")
    label_of_groups(
        ((prompt.group_name, str(prompt.prompt.label)) for prompt in given.prompts),
        "a group is on one side of what is forgotten and what is kept; give its rows groups of their own",
    )


def _passes(given: Given) -> PassCount:
    """At most, if the model knows every answer: every prompt read once and, from the dictionary's block on, asked once
    as it is and, for each label that is forgotten, twice under each setting."""
    n_forgotten = len(given.settings.forget or _labels(given))
    return PassCount(forward=len(given.prompts) * (2 + n_forgotten * 2 * len(_settings(given))))


METHOD = ExperimentMethod(settings=UnlearningSettings, measure=_measure, passes=_passes, check=_check)
