"""Template filters over rows: by a column, best label first, and the labels of features that rows point to."""

from collections.abc import Callable, Iterable
from typing import Any


def index_by(rows: Iterable[Any], column: str) -> dict[Any, Any]:
    """Rows by a column whose values are unique."""
    return {getattr(row, column): row for row in rows}


def best_label_first(labels: Iterable[Any], best: str | None) -> list[Any]:
    """Labels by explainer and prompt, after the one whose `explanation_id` is `best`."""
    by_explainer = sorted(labels, key=lambda row: (row.explainer, row.prompt or "", row.explanation_id))
    return sorted(by_explainer, key=lambda row: row.explanation_id != best)


def other_feature_previews(rows: Iterable[Any], ask: Callable[..., list[Any]]) -> dict[tuple[str, str, int], Any]:
    """Rows of `feature_labels` for the other features of these rows, with one query per dictionary."""
    ids_by_sae: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        ids_by_sae.setdefault((row.other_model_id, row.other_recipe_id), set()).add(row.other_feature_id)
    return {
        (model_id, recipe_id, row.feature_id): row
        for (model_id, recipe_id), ids in ids_by_sae.items()
        for row in ask("feature_labels", model_id=model_id, recipe_id=recipe_id, feature_ids=tuple(sorted(ids)))
    }
