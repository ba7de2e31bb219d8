"""Spurious correlation removal over a text set with two labels a text."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.evaluation.spurious_removal import spurious_removal
from models.experiments.ablatable_texts import ablatable_texts, check_ablatable
from models.experiments.labelled_texts import labelled_texts
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.spurious_removal import SpuriousRemovalSettings

Given = ExperimentInput[SpuriousRemovalSettings]
FEWEST_OF_A_CELL = 10
"""Texts of each of the four combinations on either side of the split."""


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    asked = _asked(given)
    texts, task = ablatable_texts(asked, given.settings.penalty)
    is_label_N, is_spurious_N = _both_labels(asked)
    rows = spurious_removal(texts, is_label_N, is_spurious_N, given.settings.latents, given.settings.random_draws)
    return {
        "spurious_removal": [
            {
                "recipe_id": given.features.recipe_id,
                "target": row.target,
                "condition": row.condition,
                "n_latents": row.n_latents,
                "feature_ids": None if row.features is None else list(row.features),
                "biased_accuracy": row.biased_accuracy,
                "clean_accuracy": row.clean_accuracy,
                "accuracy": row.accuracy,
                "score": row.score,
                "ci_low": row.low,
                "ci_high": row.high,
                "is_reported": row.is_reported,
                "labels": list(task.labels),
                "spurious_labels": _values(asked, "spurious"),
                "n_test": row.n_test,
            }
            for row in rows
        ]
    }


def _asked(given: Given) -> Given:
    """The texts that have one of the two labels and one of the two spurious ones.

    Raises:
        InvalidPrompt: If either column does not come down to two values.
    """
    settings, prompts = given.settings, list(given.prompts)
    for column, wanted in (("label", settings.labels), ("spurious", settings.spurious_labels)):
        values = sorted({str(getattr(prompt.prompt, column)) for prompt in prompts} - {"None"})
        if unknown := sorted(set(wanted or ()) - set(values)):
            raise InvalidPrompt(
                f"no text has the {column} {', '.join(unknown)}; there are {', '.join(values) or 'none'}"
            )
        if len(wanted or values) != 2:
            key = "labels" if column == "label" else "spurious_labels"
            raise InvalidPrompt(
                f"the column {column} has {len(values)} values ({', '.join(values[:8]) or 'none'}), wanted two: name "
                f"them as `{key}`, or map the column"
            )
        prompts = [prompt for prompt in prompts if str(getattr(prompt.prompt, column)) in (wanted or values)]
    return replace(given, prompts=prompts)


def _values(given: Given, column: str) -> list[str]:
    return sorted({str(getattr(prompt.prompt, column)) for prompt in given.prompts})


def _both_labels(given: Given) -> tuple[np.ndarray, np.ndarray]:
    """Which texts have the second value of either column, in alphabetical order."""
    columns = ("label", "spurious")
    second = {column: _values(given, column)[1] for column in columns}
    is_label_N, is_spurious_N = (
        np.array([getattr(prompt.prompt, column) == second[column] for prompt in given.prompts]) for column in columns
    )
    return is_label_N, is_spurious_N


def _check(given: Given) -> None:
    check_ablatable(given)
    asked = _asked(given)
    is_test_N = labelled_texts(asked).task.is_test_N
    is_label_N, is_spurious_N = _both_labels(asked)
    for side, side_N in (("training", ~is_test_N), ("the test", is_test_N)):
        cells = np.bincount((2 * is_label_N + is_spurious_N)[side_N], minlength=4)
        if cells.min() < FEWEST_OF_A_CELL:
            labels, spurious = _values(asked, "label"), _values(asked, "spurious")
            cell = f"{labels[int(cells.argmin()) // 2]} and {spurious[int(cells.argmin()) % 2]}"
            raise InvalidPrompt(
                f"{cells.min()} texts of {side} are {cell}, wanted {FEWEST_OF_A_CELL} of each combination: add "
                "texts, or other groups"
            )


def _passes(given: Given) -> PassCount:
    """Every text of the four combinations is read once."""
    return PassCount(forward=len(_asked(given).prompts))


METHOD = ExperimentMethod(settings=SpuriousRemovalSettings, measure=_measure, passes=_passes, check=_check)
