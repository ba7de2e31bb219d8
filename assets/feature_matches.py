"""Which features of a dictionary are those of another, and which split there."""

import dagster as dg

from assets.sae import sae
from pipelines.dagster_support.metadata import page_link, rounded
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.resources import GPU_STEP, REFRESH_WHEN_STALE, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.registry.identities.stages.feature_matches import FEATURE_MATCHES
from pipelines.registry.registry import SAERegistration
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store
from pipelines.store.tables import MissingDataset
from storage.table_schemas import table_schema


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[sae],
    kinds={"torch", "parquet"},
    group_name="dictionary",
    code_version=FEATURE_MATCHES.code_version,
    automation_condition=REFRESH_WHEN_STALE,
    **GPU_STEP,
)
@recorded_stage
@fail_without_retry
def feature_matches(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """For each feature its likest in every other dictionary of the model that writes to the same site, by decoder
    direction, and how many features of that one it is the likest to. Dictionaries that come later are found when this
    is materialized again."""
    import pyarrow as pa

    from models.comparison.decoder_matching import match_features, match_rows
    from models.device import default_device

    registration = store.registration(context.partition_key)
    others = _others(store, registration)
    found = {other.recipe_id: store.datasets.trained(other).identity_sha256 for other in others}
    identity = FEATURE_MATCHES.identity(registration, [store.datasets.trained(registration).identity], found)
    folder = store.layout.table("feature_match", registration)
    if why := why_made(identity, folder):
        context.log.info(f"comparing because {why}")

        def decoder(some: SAERegistration):
            return store.datasets.dictionary(some).W_dec.to(default_device())

        mine_FD = decoder(registration)
        found = [match_rows(other.recipe_id, match_features(mine_FD, decoder(other))) for other in others]
        store.tables.write(folder, pa.concat_tables([table_schema("feature_match").empty_table(), *found]), identity)
    rows = store.tables.read("feature_match", registration)
    cosines = rows.column("cosine").to_pylist()
    return dg.MaterializeResult(
        metadata={
            "remade_because": why or NOT_MADE,
            "page": page_link(registration.sae_id),
            "compared_with": ", ".join(other.recipe_id for other in others) or "none: there is no other dictionary",
            "mean_max_cosine": rounded(sum(cosines) / len(cosines)) if cosines else "none",
            "split": sum(n >= 2 for n in rows.column("n_split_features").to_pylist()),
            "dagster/partition_row_count": rows.num_rows,
        }
    )


def _others(store: Store, registration: SAERegistration) -> list[SAERegistration]:
    """Dictionaries of the model that are there, as the cards now ask for them, and write to the same site."""

    def written(some: SAERegistration) -> str:
        return store.datasets.trained(some).facts["written"]

    site, found = written(registration), []
    for recipe_id in sorted(store.cards().recipes_of(registration.model_id)):
        if recipe_id == registration.recipe_id:
            continue
        other = store.registration(f"{registration.model_id}/{recipe_id}")
        try:
            if written(other) == site and store.datasets.trained(other):
                found.append(other)
        except MissingDataset:
            continue
    return found
