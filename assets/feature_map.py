"""Where each feature stands on a map of its dictionary."""

import dagster as dg

from assets.feature_statistics import feature_statistics
from models.features.feature_map_config import FeatureMapSettings
from pipelines.dagster_support.data_versions import data_version
from pipelines.dagster_support.metadata import page_link, rounded
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.resources import GPU_STEP, REFRESH_WHEN_STALE, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.registry.identities.stages.feature_map import FEATURE_MAP
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[feature_statistics],
    kinds={"torch", "parquet"},
    group_name="features",
    code_version=FEATURE_MAP.code_version,
    automation_condition=REFRESH_WHEN_STALE,
    **GPU_STEP,
)
@recorded_stage
@fail_without_retry
def feature_map(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """A place in the plane for each live feature, so that features that point alike stand together, the clusters that
    they form there, and the share of nearest features that are nearest on the map too."""
    from models.device import default_device
    from models.features.feature_map import feature_map as map_of

    registration = store.registration(context.partition_key)
    identity = FEATURE_MAP.identity(registration, [store.tables.manifest_of("feature", registration).identity])
    folders = store.layout.tables_of(("feature_map", "feature_map_quality"), registration)
    if why := why_made(identity, *folders.values()):
        context.log.info(f"mapping because {why}")
        is_dead = store.tables.read("feature", registration).sort_by("feature_id").column("is_dead").to_numpy()
        decoder = store.datasets.dictionary(registration).W_dec.to(default_device())
        made = map_of(decoder, is_dead, registration.recipe.section(FeatureMapSettings))
        rows = {"feature_map": made.feature, "feature_map_quality": made.quality}
        store.tables.write_together(folders, rows, identity)
    [quality] = store.tables.read("feature_map_quality", registration).to_pylist()
    numbers = {name: value for name, value in quality.items() if isinstance(value, int | float)}
    return dg.MaterializeResult(
        data_version=data_version(identity),
        metadata={
            "remade_because": why or NOT_MADE,
            "page": page_link(registration.sae_id),
            "method": quality["method"],
            "dagster/partition_row_count": quality["n_features"],
        }
        | {name: rounded(value) for name, value in numbers.items()},
    )
