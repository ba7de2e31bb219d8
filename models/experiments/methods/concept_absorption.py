"""Absorption of the labels of a text set, whose groups are their kinds."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from models.evaluation.concept_absorption import ConceptAbsorption, Rate, concept_absorption
from models.experiments.ablatable_texts import check_ablatable
from models.experiments.labelled_groups import label_of_groups
from models.experiments.labelled_texts import labelled_texts
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.pooled_texts import pooled_texts
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.concept_absorption import ConceptAbsorptionSettings

Given = ExperimentInput[ConceptAbsorptionSettings]


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """All texts belong together: what is chosen on some kinds is reported on others."""
    texts, sae = labelled_texts(given), given.features.sae
    task = texts.task
    found = concept_absorption(
        pooled_texts(given, texts),
        task.class_N,
        task.group_N,
        task.is_test_N,
        sae.W_dec.detach().float().cpu(),
        sae.b_dec.detach().float().cpu(),
        given.settings.random_draws,
        given.seed,
    )
    rows: dict[str, list[dict[str, Any]]] = {"concept_absorption": [], "concept_absorption_kind": []}
    for concept in found:
        shared = {"recipe_id": given.features.recipe_id, "label": task.labels[concept.label]}
        rows["concept_absorption"].append(shared | _of_label(concept))
        for of in concept.kinds:
            counts = {"n_texts": of.n_texts, "n_right": of.n_right, "n_absorbed": of.n_absorbed}
            brought = {"fraction": of.fraction, "feature_id": of.feature, "cosine": of.cosine}
            rows["concept_absorption_kind"].append(shared | {"kind": of.kind} | counts | brought)
    return rows


def _of_label(concept: ConceptAbsorption) -> dict[str, Any]:
    return {
        "main_feature_ids": list(concept.main),
        "probe_f1": concept.f1,
        "n_kinds": len(concept.kinds),
        "n_texts": concept.n_texts,
        "n_right": concept.n_right,
        **_columns("rate", concept.absorbed),
        **_columns("fraction", concept.fraction),
    }


def _columns(name: str, rate: Rate | None) -> dict[str, float | None]:
    values = (None,) * 4 if rate is None else (rate.value, rate.low, rate.high, rate.random)
    return dict(zip((name, f"{name}_ci_low", f"{name}_ci_high", f"random_{name}"), values, strict=True))


def _check(given: Given) -> None:
    """Kinds, labels and lengths, before the first pass."""
    check_ablatable(given)
    task = labelled_texts(given).task
    label_of = label_of_groups(
        zip(task.group_N, (task.labels[number] for number in task.class_N.tolist()), strict=True),
        "a kind is of one concept; leave its texts out of one of them",
    )
    for label, n in sorted(Counter(label_of.values()).items()):
        if n < given.settings.fewest_kinds:
            raise InvalidPrompt(
                f"label {label!r} has {n} groups, wanted {given.settings.fewest_kinds} at least (`fewest_kinds`): "
                "each group is one kind of the concept; name more kinds, or leave the label out"
            )


def _passes(given: Given) -> PassCount:
    """Every text is read once."""
    return PassCount(forward=len(given.prompts))


METHOD = ExperimentMethod(settings=ConceptAbsorptionSettings, measure=_measure, passes=_passes, check=_check)
