"""How specific labels are: ratings of examples from every interval of activation, and of controls."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from assets.explanations import explanations
from pipelines.dagster_support.metadata import page_link, rounded
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.plots import rating_shares
from pipelines.dagster_support.progress import Progress
from pipelines.dagster_support.resources import LLM_STEP, REFRESH_WHEN_STALE, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.labels.image_labels import judges_nothing
from pipelines.labels.inputs import feature_data, labeling_setup, ratings_identity, write_requests
from pipelines.registry.identities.stages.specificity_ratings import SPECIFICITY_RATINGS
from pipelines.registry.registry import SAERegistration
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store
from plotting.stacked_bars import Stack
from storage.table_schemas import rows_as_table

if TYPE_CHECKING:
    import pyarrow as pa

    from models.autointerp.ratings_by_interval import IntervalRatings

MAX_FAILED = 0.05

failure_rate = dg.AssetCheckSpec(
    "rating_failure_rate", asset="specificity_ratings", description="At most one rating in twenty failed."
)


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[explanations],
    kinds={"parquet"},
    group_name="labels",
    check_specs=[failure_rate],
    code_version=SPECIFICITY_RATINGS.code_version,
    automation_condition=REFRESH_WHEN_STALE,
    **LLM_STEP,
)
@recorded_stage
@fail_without_retry
def specificity_ratings(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """A rating from 0 (unrelated) to 3 (the label is what the peak says) for every example that the label was not
    made from."""
    from models.autointerp.stages import rate_labels

    registration = store.registration(context.partition_key)
    identity, folder = ratings_identity(store, registration), store.layout.table("specificity", registration)
    if why := why_made(identity, folder):
        context.log.info(f"rating because {why}")
        if judges_nothing(registration):
            store.tables.write(folder, rows_as_table("specificity", []), identity)
        else:
            made = rate_labels(
                feature_data(store, registration),
                store.tables.read("explanation", registration),
                labeling_setup(store, registration),
                Progress(context, "labels"),
            )
            write_requests(store, registration, ["specificity"], made.answers, identity)
            store.tables.write(folder, made.rows, identity)
    return _result(store.tables.read("specificity", registration), registration, why)


def _result(table: "pa.Table", registration: SAERegistration, why: str | None) -> dg.MaterializeResult:
    from models.autointerp.ratings_by_interval import ratings_by_interval

    failed = table.column("rating").null_count
    return dg.MaterializeResult(
        metadata={
            "remade_because": why or NOT_MADE,
            "page": page_link(registration.sae_id),
            "ratings": table.num_rows,
            "failed": failed,
            "judge": registration.recipe.explanations.judge,
            **_by_interval(ratings_by_interval(table)),
            "dagster/partition_row_count": table.num_rows,
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="rating_failure_rate",
                passed=failed <= MAX_FAILED * max(table.num_rows, 1),
                metadata={"failed": failed},
            )
        ],
    )


def _by_interval(intervals: "Sequence[IntervalRatings]") -> dict[str, dg.MetadataValue]:
    """Mean ratings as a table, and the share of each rating as a plot."""
    records = [dg.TableRecord({"interval": one.name, "mean rating": rounded(one.mean)}) for one in intervals]
    stacks, where = [Stack(one.name, one.counts) for one in intervals], "interval (controls: feature silent)"
    return {
        "mean_rating": dg.MetadataValue.table(records or [dg.TableRecord({"interval": "none", "mean rating": None})]),
        "ratings_by_interval": rating_shares(stacks, "ratings by interval of activation, 3 at the bottom", where),
    }
