"""How alike the images are in which each feature of a vision model fires."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.feature_statistics import feature_statistics
from models.features.monosemanticity_config import MonosemanticitySettings
from pipelines.dagster_support.data_versions import data_version
from pipelines.dagster_support.metadata import page_link, rounded
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.progress import Progress
from pipelines.dagster_support.resources import GPU_STEP, REFRESH_WHEN_STALE, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.labels.image_labels import NO_CODES
from pipelines.registry.identities.stages.monosemanticity import MONOSEMANTICITY
from pipelines.registry.registry import SAERegistration
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.model_loading import load_vision
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store
from storage.table_schemas import rows_as_table

if TYPE_CHECKING:
    from models.features.monosemanticity import Monosemanticity

OF_TEXT = "a model of text sees no images: how well a label fits a feature of text stands in explanation_score"
TOO_FEW = "fewer than two images: there is no pair to compare"


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[feature_statistics],
    kinds={"torch", "parquet"},
    group_name="features",
    code_version=MONOSEMANTICITY.code_version,
    automation_condition=REFRESH_WHEN_STALE,
    **GPU_STEP,
)
@recorded_stage
@fail_without_retry
def monosemanticity(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """How alike the images are in which each feature of a vision model fires: the cosine of the model's own embeddings
    of them, pairs weighted by activation, beside that of all pairs and of shuffled activations. Text has none."""
    registration = store.registration(context.partition_key)
    statistics = store.tables.manifest_of("feature", registration)
    identity = MONOSEMANTICITY.identity(registration, [statistics.identity])
    folder = store.layout.table("monosemanticity", registration)
    if why := why_made(identity, folder):
        context.log.info(f"comparing images because {why}")
        rows, reason = _rows(store, registration, Progress(context, "images"))
        store.tables.write(folder, rows_as_table("monosemanticity", rows), identity, {"reason": reason})
    return _result(store, registration, identity, why)


def _rows(store: Store, registration: SAERegistration, report: Progress) -> tuple[list[dict[str, Any]], str | None]:
    """Grain: a feature; and why there are none where there are none."""
    import numpy as np

    from models.features.image_activations import ImageActivations
    from models.features.monosemanticity import monosemanticity as scores_of
    from models.images.image_embedding import image_embeddings

    if registration.model.images_seen is None:
        return [], OF_TEXT
    if (codes := store.datasets.codes(registration)) is None:
        return [], NO_CODES
    images, most = store.datasets.images(registration), registration.recipe.section(MonosemanticitySettings).max_images
    chosen = images.sample(most)
    if len(chosen) < 2:
        return [], TOO_FEW
    n_features = store.tables.row_count("feature", registration)
    acts = ImageActivations.of(codes(), np.array(chosen), n_features)
    embedded = image_embeddings(load_vision(registration), images, chosen, report)
    read = {"embedding_site": str(embedded.site), "pooling": embedded.pooling}
    return _feature_rows(scores_of(acts, embedded.value_ND), read), None


def _feature_rows(made: "Monosemanticity", read: dict[str, str]) -> list[dict[str, Any]]:
    shared = {"mean_similarity": made.mean_similarity, "n_images": made.n_images} | read
    return [
        {
            "feature_id": feature,
            "score": each.score,
            "score_ci_low": each.ci_low,
            "score_ci_high": each.ci_high,
            "shuffled_score": each.shuffled,
            "n_firing_images": each.n_firing,
        }
        | shared
        for feature, each in enumerate(made.scores)
    ]


def _result(
    store: Store, registration: SAERegistration, identity: dict[str, Any], why: str | None
) -> dg.MaterializeResult:
    manifest = store.tables.manifest_of("monosemanticity", registration)
    rows = store.tables.read("monosemanticity", registration).to_pylist()
    scored = sorted((row for row in rows if row["score"] is not None), key=lambda row: -row["score"])
    metadata: dict[str, dg.MetadataValue | int | float | str] = {
        "remade_because": why or NOT_MADE,
        "page": page_link(registration.sae_id),
        "features_scored": len(scored),
        "none_because": manifest.facts["reason"] or "there are some",
        "dagster/partition_row_count": len(rows),
    }
    if scored:
        keys = ("feature_id", "score", "score_ci_low", "score_ci_high", "n_firing_images")
        best = [dg.TableRecord({key: "" if row[key] is None else row[key] for key in keys}) for row in scored[:20]]
        metadata["median_score"] = rounded(scored[len(scored) // 2]["score"])
        metadata["mean_similarity"] = rounded(scored[0]["mean_similarity"])
        metadata["images"] = scored[0]["n_images"]
        metadata["most_alike"] = dg.MetadataValue.table(best)
    return dg.MaterializeResult(data_version=data_version(identity), metadata=metadata)
