"""Which features point alike, and which fire together."""

import dagster as dg

from assets.feature_statistics import feature_statistics
from pipelines.dagster_support.data_versions import data_version
from pipelines.dagster_support.metadata import page_link
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.resources import GPU_STEP, REFRESH_WHEN_STALE, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.registry.identities.stages.neighbors import NEIGHBORS
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[feature_statistics],
    kinds={"torch", "parquet"},
    group_name="features",
    code_version=NEIGHBORS.code_version,
    automation_condition=REFRESH_WHEN_STALE,
    **GPU_STEP,
)
@recorded_stage
@fail_without_retry
def neighbors(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """The nearest features of each feature of the same dictionary: by cosine of their decoder directions, and by the
    share of tokens on which both fire of those on which either does (Jaccard index), over all tokens. The latter
    needs the codes."""
    import pyarrow as pa

    from models.features.nearest_features import nearest_by_cosine, nearest_by_jaccard, neighbor_rows

    registration = store.registration(context.partition_key)
    settings, names = registration.recipe.statistics, (registration.model_id, registration.recipe_id)
    identity = NEIGHBORS.identity(registration, [store.tables.manifest_of("feature", registration).identity])
    folder = store.layout.table("neighbor", registration)
    if why := why_made(identity, folder):
        context.log.info(f"comparing because {why}")
        sae = store.datasets.dictionary(registration)
        kinds = {"decoder_cosine": nearest_by_cosine(sae.W_dec, settings.similar_features)}
        if (codes := store.datasets.codes(registration)) is not None:
            kinds["cofiring_jaccard"] = nearest_by_jaccard(codes, sae.n_features, settings.similar_features)
        rows = [neighbor_rows(kind, blocks, *names) for kind, blocks in kinds.items()]
        store.tables.write(folder, pa.concat_tables(rows), identity)
    rows = store.tables.read("neighbor", registration).sort_by([("value", "descending")])
    closest = [row for row in rows.slice(0, 200).to_pylist() if row["feature_id"] < row["other_feature_id"]][:20]
    keys = ("feature_id", "kind", "other_feature_id", "value")
    return dg.MaterializeResult(
        data_version=data_version(identity),
        metadata={
            "remade_because": why or NOT_MADE,
            "page": page_link(registration.sae_id),
            "rows": rows.num_rows,
            "cofiring_jaccard": "counted"
            if settings.keep_feature_activations
            else "none: the recipe keeps no codes (statistics.keep_feature_activations)",
            "closest": dg.MetadataValue.table([dg.TableRecord({key: row[key] for key in keys}) for row in closest]),
            "dagster/partition_row_count": rows.num_rows,
        },
    )
