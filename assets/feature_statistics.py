"""Where each feature fires, how often and how strongly."""

from typing import Any

import dagster as dg

from assets.sae import sae
from pipelines.dagster_support.data_versions import data_version
from pipelines.dagster_support.metadata import page_link, rounded
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.plots import density_histogram
from pipelines.dagster_support.progress import Progress
from pipelines.dagster_support.resources import GPU_STEP, REFRESH_WHEN_STALE, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.launches.machine_run import machine_run
from pipelines.registry.identities.stages.feature_statistics import FEATURE_STATISTICS
from pipelines.registry.registry import SAERegistration
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.disk_needs import require_room_for_codes
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.statistics_making import statistics_identity, statistics_input, write_statistics
from pipelines.store.store import Store
from storage.dataset_lock import sole_maker
from storage.manifest import Manifest

firing_counts = dg.AssetCheckSpec(
    "firing_counts_agree",
    asset="feature_statistics",
    blocking=True,
    description="Firings of all features are as many as the codes' rows and histograms say.",
)
dead = dg.AssetCheckSpec(
    "dead_within_bounds",
    asset="feature_statistics",
    description="At most the recipe's max_dead_fraction of the features never fire.",
)
about_text = dg.AssetCheckSpec(
    "not_about_position",
    asset="feature_statistics",
    description="At most the recipe's max_one_position_fraction of the live features fire at one position of a context "
    "only, and the median density is not that of a position.",
)
TABLES = ("feature", "activation_histogram", "example", "feature_activation")
TABLES_OF_IMAGES = (*TABLES, "patch_example")


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[sae],
    kinds={"torch", "parquet"},
    group_name="features",
    check_specs=[firing_counts, dead, about_text],
    code_version=FEATURE_STATISTICS.code_version,
    automation_condition=REFRESH_WHEN_STALE,
    **GPU_STEP,
)
@recorded_stage
@fail_without_retry
def feature_statistics(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Firings, density, moments and histogram of every feature over all tokens, its strongest examples, a sample of
    each interval of its activation, and windows where it does not fire. The sparse codes themselves, where the recipe
    keeps them."""
    registration = store.registration(context.partition_key)
    identity = statistics_identity(store, registration)
    with sole_maker(store.layout.table("feature", registration)):
        names = TABLES if registration.model.images_seen is None else TABLES_OF_IMAGES
        if why := why_made(identity, *(store.layout.table(name, registration) for name in names)):
            context.log.info(f"counting because {why}")
            _measure(context, store, registration, identity)
    return _result(store, registration, identity, why)


def _result(
    store: Store, registration: SAERegistration, identity: dict[str, Any], why: str | None
) -> dg.MaterializeResult:
    feature = store.tables.read("feature", registration).to_pydict()
    firings = sum(feature["n_firings"])
    n_binned = sum(store.tables.read("activation_histogram", registration).column("n").to_pylist())
    codes = Manifest.find_current(store.layout.table("feature_activation", registration), identity)
    assert codes is not None
    agree = firings == n_binned and firings == codes.facts["n_firings"] and (not codes.files or firings == codes.rows)
    n_tokens, dead_fraction = feature["n_tokens"][0], sum(feature["is_dead"]) / len(feature["is_dead"])
    return dg.MaterializeResult(
        data_version=data_version(identity),
        metadata={
            "remade_because": why or NOT_MADE,
            "page": page_link(registration.sae_id),
            "features": len(feature["feature_id"]),
            "dead_features": sum(feature["is_dead"]),
            "tokens": n_tokens,
            "firings": firings,
            "l0": rounded(firings / n_tokens),
            "densities": density_histogram(feature["density"]),
            "codes_bytes": sum(file.bytes for file in codes.files),
            "examples": store.tables.row_count("example", registration),
            "path": dg.MetadataValue.path(store.layout.table("feature", registration).url),
            "dagster/partition_row_count": len(feature["feature_id"]),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="firing_counts_agree",
                passed=agree,
                metadata={"firings": firings, "in_histograms": n_binned, "codes": codes.facts["n_firings"]},
            ),
            dg.AssetCheckResult(
                check_name="dead_within_bounds",
                passed=dead_fraction <= registration.recipe.quality_bounds.max_dead_fraction,
                metadata={"found": dead_fraction, "bound": registration.recipe.quality_bounds.max_dead_fraction},
            ),
            _about_text(store, registration, feature),
        ],
    )


def _about_text(store: Store, registration: SAERegistration, feature: dict) -> dg.AssetCheckResult:
    """Whether the features are about text, or about where in a context a token stands."""
    from models.features.position_note import position_note

    bound = registration.recipe.quality_bounds.max_one_position_fraction
    positions = store.datasets.harvest_profile(registration)["positions"]
    note, numbers = position_note(feature, positions, bound)
    return dg.AssetCheckResult(
        check_name="not_about_position", passed=note is None, description=note, metadata=numbers | {"bound": bound}
    )


def _measure(context: dg.AssetExecutionContext, store: Store, registration: SAERegistration, identity: dict) -> None:
    from models.features.feature_statistics import compute_feature_statistics

    require_room_for_codes(store, registration)
    if (machine := machine_run(context, store)) is not None:
        write_statistics(store, registration, identity, machine.statistics(registration, identity))
        machine.forget_statistics(registration, identity)
        return
    progress = Progress(context, "shards")
    inputs, settings = statistics_input(store, registration, identity), registration.recipe.statistics
    codes_folder = store.layout.table("feature_activation", registration)
    made = compute_feature_statistics(inputs, settings, codes_folder, lambda step, done, total: progress(done, total))
    write_statistics(store, registration, identity, made)
