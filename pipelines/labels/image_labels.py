"""Labels of a vision model's features: what image labels say of them, offline."""

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.registry.registry import SAERegistration
from pipelines.store.store import Store
from storage.table_schemas import rows_as_table

if TYPE_CHECKING:
    from models.autointerp.class_preference import ClassPreferences

EXPLAINER = "image_labels"
SCORER = "image_label"
NO_LABELS = "the card's images have no labels (images.label): no feature prefers one"
NO_CODES = "the recipe keeps no codes (statistics.keep_feature_activations): nothing says in which images features fire"


def class_rows(store: Store, registration: SAERegistration) -> tuple[pa.Table, str | None]:
    """Rows of `feature_class`, and why there are none where there are none."""
    import numpy as np

    from models.autointerp.class_preference import class_preferences, strongest_by_image
    from models.features.scoring_half import is_in_scoring_half

    images, codes = store.datasets.images(registration), store.datasets.codes(registration)
    if codes is None:
        return rows_as_table("feature_class", []), NO_CODES
    index = images.index.select(["document_id", "label"]).to_pylist()
    known = np.array([row["label"] is not None for row in index])
    if not known.any():
        return rows_as_table("feature_class", []), NO_LABELS
    peaks = None
    for fired in codes():
        found = strongest_by_image(fired.features_M, fired.contexts_M, fired.acts_M, images.n_images, fired.n_features)
        peaks = found if peaks is None else np.maximum(peaks, found)
    assert peaks is not None
    labels = np.array([row["label"] or "" for row in index], dtype=object)
    reporting = np.array([is_in_scoring_half(row["document_id"]) for row in index])
    made = class_preferences(peaks[known], labels[known], reporting[known])
    is_alive_F = peaks.max(axis=0) > 0
    return rows_as_table("feature_class", _rows(made, is_alive_F.tolist())), None


def _rows(made: "ClassPreferences", is_alive_F: list[bool]) -> list[dict[str, Any]]:
    """Grain: a feature that lives and prefers a label: its activation is stronger in images of one."""
    return [
        {
            "feature_id": feature,
            "label": label,
            "choosing_auroc": float(made.choosing_auroc_F[feature]),
            "auroc": (value := float(made.auroc_F[feature])),
            "auroc_ci_low": max(value - float(made.half_width_F[feature]), 0.0),
            "auroc_ci_high": min(value + float(made.half_width_F[feature]), 1.0),
            "shuffled_auroc": float(made.shuffled_auroc_F[feature]),
            "lift": None if (lift := float(made.lift_F[feature])) != lift else lift,
            "n_images": made.n_images,
            "n_of_label": int(made.n_of_label_F[feature]),
        }
        for feature, label in enumerate(made.label_F.tolist())
        if label and is_alive_F[feature] and made.choosing_auroc_F[feature] > 0.5
    ]


def explanation_rows(registration: SAERegistration, preferred: pa.Table) -> pa.Table:
    """Rows of `explanation`: the preferred label of each feature, where the recipe names who labels offline."""
    from models.autointerp.config import offline_explainers

    is_asked = bool(set(registration.recipe.explanations.explainers) & set(offline_explainers()))
    rows = [_explanation(row).row(registration.sae_id) for row in preferred.to_pylist() if is_asked]
    return rows_as_table("explanation", rows)


def by_feature(*explained: pa.Table) -> pa.Table:
    """Rows of `explanation` of several makers, by feature."""
    rows = [row for table in explained for row in table.to_pylist()]
    return rows_as_table("explanation", sorted(rows, key=lambda row: row["feature_id"]))


def _explanation(row: dict[str, Any]):
    from models.autointerp.tables import Explanation

    return Explanation(row["feature_id"], EXPLAINER, f"images of {row['label']}", "ok", row["n_of_label"])


def judges_nothing(registration: SAERegistration) -> bool:
    """Whether labels are of images and the judge reads rules over tokens, which say nothing of them."""
    return registration.model.images_seen is not None and registration.recipe.explanations.judge == "lexical"


def score_rows(explained: pa.Table, preferred: pa.Table) -> pa.Table:
    """Rows of `explanation_score`: how well activation tells the label, on images that had no part in its choice."""
    by_feature = {row["feature_id"]: row for row in preferred.to_pylist()}
    rows = []
    for each in explained.to_pylist():
        if each["explainer"] != EXPLAINER:
            continue
        found = by_feature[each["feature_id"]]
        value, low, high, n = (found[key] for key in ("auroc", "auroc_ci_low", "auroc_ci_high", "n_images"))
        rows.append(
            {
                "explanation_id": each["explanation_id"],
                "scorer": SCORER,
                "metric": "auroc",
                "value": value,
                "ci_low": low,
                "ci_high": high,
                "n_trials": n,
                "n_failed": 0,
                "is_headline": True,
                "choosing_value": found["choosing_auroc"],
                "reporting_value": value,
                "reporting_ci_low": low,
                "reporting_ci_high": high,
                "reporting_n_trials": n,
            }
        )
    return rows_as_table("explanation_score", rows)
