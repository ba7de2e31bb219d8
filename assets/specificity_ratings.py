"""How specific labels are: ratings of examples from every interval of activation, and of controls."""

import dagster as dg

from assets.explanations import explanations
from pipelines.dagster_support.metadata import page_link, rounded
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.plots import stacked_bars
from pipelines.dagster_support.progress import Progress
from pipelines.dagster_support.resources import LLM_STEP, REFRESH_WHEN_STALE, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.labels.inputs import feature_data, labeling_setup, ratings_identity, write_requests
from pipelines.registry.identities.stages.specificity_ratings import SPECIFICITY_RATINGS
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.store import Store

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
@fail_without_retry
def specificity_ratings(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """A rating from 0 (unrelated) to 3 (the label is what the peak says) for every example that the label was not
    made from."""
    from models.autointerp.stages import rate_labels

    registration = store.registration(context.partition_key)
    settings, identity = registration.recipe.explanations, ratings_identity(store, registration)
    folder = store.layout.table("specificity", registration)
    if why := why_made(identity, folder):
        context.log.info(f"rating because {why}")
        made = rate_labels(
            feature_data(store, registration),
            store.tables.read("explanation", registration),
            labeling_setup(store, registration),
            Progress(context, "labels"),
        )
        write_requests(store, registration, ["specificity"], made.answers, identity)
        store.tables.write(folder, made.rows, identity)
    table = store.tables.read("specificity", registration)
    failed = sum(rating is None for rating in table.column("rating").to_pylist())
    shares, means = by_interval(table)
    return dg.MaterializeResult(
        metadata={
            "remade_because": why or NOT_MADE,
            "page": page_link(registration.sae_id),
            "ratings": table.num_rows,
            "failed": failed,
            "judge": settings.judge,
            "mean_rating": dg.MetadataValue.table(
                [dg.TableRecord({"interval": name, "mean rating": rounded(mean)}) for name, mean in means.items()]
                or [dg.TableRecord({"interval": "none", "mean rating": None})]
            ),
            "ratings_by_interval": stacked_bars(
                list(means), shares, "ratings by interval of activation", "interval (controls: feature silent)", "share"
            ),
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


def by_interval(table) -> tuple[dict[str, list[float]], dict[str, float]]:
    """For the plot: the share of each rating, and the mean rating, in each interval and among controls."""
    import polars as pl

    names = pl.col("interval_index").cast(pl.String).fill_null("controls").alias("where")
    ratings = (
        pl.DataFrame(table.select(["interval_index", "rating"]))
        .drop_nulls("rating")
        .select("interval_index", "rating", names)
    )
    groups = ratings.sort("interval_index", nulls_last=False).group_by("where", maintain_order=True)
    counted = groups.agg(
        pl.col("rating").mean().alias("mean"), *((pl.col("rating") == r).mean().alias(str(r)) for r in (3, 2, 1, 0))
    )
    shares = {f"rated {r}": counted[str(r)].to_list() for r in (3, 2, 1, 0)}
    return shares, dict(zip(counted["where"].to_list(), counted["mean"].to_list(), strict=True))
