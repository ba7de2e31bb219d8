"""Which tokens each feature makes more likely and less."""

from typing import Any

import dagster as dg

from assets.feature_statistics import feature_statistics
from pipelines.dagster_support.data_versions import data_version
from pipelines.dagster_support.metadata import page_link
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.resources import GPU_STEP, REFRESH_WHEN_STALE, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.registry.identities.stages.logit_effects import LOGIT_EFFECTS
from pipelines.registry.registry import SAERegistration
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.model_loading import load_model
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store

OF_IMAGES = "a vision model predicts no tokens: the labels of images that a feature prefers stand in feature_class"


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[feature_statistics],
    kinds={"torch", "parquet"},
    group_name="features",
    code_version=LOGIT_EFFECTS.code_version,
    automation_condition=REFRESH_WHEN_STALE,
    **GPU_STEP,
)
@recorded_stage
@fail_without_retry
def logit_effects(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """The tokens that each feature's decoder direction promotes and suppresses most, read through the model's
    unembedding, and the skew and kurtosis of that effect over the vocabulary. Encoders, and sites outside the
    residual stream, have none."""
    from models.features.logit_effects import logit_effects as effects_of
    from models.features.logit_effects import no_effects
    from models.language_model.sites import Site
    from models.language_model.token_strings import TokenStrings

    registration = store.registration(context.partition_key)
    trained, n = store.datasets.trained(registration), registration.recipe.statistics.top_logits
    identity = LOGIT_EFFECTS.identity(registration, [trained.identity])
    folders = store.layout.tables_of(("logit_effect", "logit_shape"), registration)
    if why := why_made(identity, *folders.values()):
        context.log.info(f"projecting because {why}")
        if registration.model.images_seen is not None:
            made = no_effects(OF_IMAGES)
        else:
            host = load_model(registration)
            decoder = store.datasets.dictionary(registration).stream_directions_FE
            made = effects_of(
                decoder, Site.parse(trained.facts["written"]), host.unembedding(), TokenStrings.of(host.tokenizer), n
            )
        rows = {"logit_effect": made.effect, "logit_shape": made.shape}
        store.tables.write_together(folders, rows, identity, {"reason": made.reason})
    return _result(store, registration, identity, why)


def _result(
    store: Store, registration: SAERegistration, identity: dict[str, Any], why: str | None
) -> dg.MaterializeResult:
    manifest = store.tables.manifest_of("logit_effect", registration)
    strongest = (
        store.tables.read("logit_effect", registration)
        .sort_by([("logit_weight", "descending")])
        .slice(0, 20)
        .to_pylist()
    )
    metadata: dict[str, dg.MetadataValue | int | str] = {
        "remade_because": why or NOT_MADE,
        "page": page_link(registration.sae_id),
        "rows": manifest.rows,
        "none_because": manifest.facts["reason"] or "there are some",
        "dagster/partition_row_count": manifest.rows,
    }
    if strongest:
        keys = ("feature_id", "token", "logit_weight")
        metadata["strongest"] = dg.MetadataValue.table(
            [dg.TableRecord({key: row[key] for key in keys}) for row in strongest]
        )
    return dg.MaterializeResult(data_version=data_version(identity), metadata=metadata)
