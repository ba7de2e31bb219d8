"""The published DuckDB file."""

import importlib
import pkgutil
from collections.abc import Iterator

import dagster as dg
from pydantic import Field

import assets
from pipelines.dagster_support.metadata import page_link
from pipelines.dagster_support.plots import pareto
from pipelines.dagster_support.resources import PUBLISH_STEP, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.store.publication import publish_store
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store

consistent = dg.AssetCheckSpec(
    "tables_consistent",
    asset="published_warehouse",
    description="Tables agree: features are known, histograms add up, ratings are of known labels and examples.",
)
everything = dg.AssetCheckSpec(
    "nothing_left_out",
    asset="published_warehouse",
    description="Every partition of the store could be read: one that is damaged, or of another version's columns, is "
    "left out of the file (view left_out_partition) and does not keep the others from it.",
)
complete = dg.AssetCheckSpec(
    "dictionaries_complete",
    asset="published_warehouse",
    description="Every dictionary that was made as the registry asks has features, examples and metrics in the file. "
    "One that is being measured lacks them until the next publication.",
)


class PublishConfig(dg.Config):
    """What a publication may do."""

    allow_drop: bool = Field(
        False, description="Whether most of what is published may go, because the store no longer has it."
    )


def table_assets() -> Iterator[dg.AssetsDefinition]:
    """Every asset of this package that writes tables, found by its tag."""
    names = [name for _, name, _ in pkgutil.iter_modules(assets.__path__, f"{assets.__name__}.") if name != __name__]
    for name in names:
        for value in vars(importlib.import_module(name)).values():
            for each in value if isinstance(value, list) else [value]:
                if (
                    isinstance(each, dg.AssetsDefinition)
                    and not isinstance(each, dg.AssetChecksDefinition)
                    and WRITES_TABLES.items() <= each.tags_by_key[each.key].items()
                ):
                    yield each


@dg.asset(
    deps=sorted({asset.key for asset in table_assets()}),
    kinds={"duckdb"},
    group_name="warehouse",
    check_specs=[consistent, everything, complete],
    **PUBLISH_STEP,
)
@recorded_stage
@fail_without_retry
def published_warehouse(context: dg.AssetExecutionContext, config: PublishConfig, store: Store) -> dg.MaterializeResult:
    """The DuckDB file that people query: built beside the published one from all that changed in the store, checked,
    and moved into place. Readers keep what they opened. It has no partitions: one publication is of all of them.

    A partition that cannot be read is left out, and named. A store that is not there is refused, and so is one that has
    lost most of what is published, unless `allow_drop`."""
    from sql.dropped_partitions import AllowedDrops
    from sql.query_output import rows_of

    publication = publish_store(store, context.log.info, AllowedDrops(everything=config.allow_drop))
    published, incomplete = publication.published, rows_of(store.published, "incomplete")
    return dg.MaterializeResult(
        metadata={
            "rows": dg.MetadataValue.table(
                [dg.TableRecord({"table": name, "rows": n}) for name, n in sorted(published.rows.items())]
            ),
            "page": page_link(),
            "partitions_replaced": len(published.replaced),
            "left_out": "; ".join(map(str, published.left_out[:20])) or "nothing",
            "seconds": published.seconds,
            "bytes": store.published.stat().st_size,
            "path": dg.MetadataValue.path(str(store.published)),
            **_pareto_plots(store),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="tables_consistent",
                passed=not publication.violations,
                description="; ".join(map(str, publication.violations[:3])) or None,
                metadata={"findings": "\n".join(map(str, publication.violations[:20])) or "none"},
            ),
            dg.AssetCheckResult(
                check_name="nothing_left_out",
                passed=not published.left_out,
                description="; ".join(map(str, published.left_out[:3])) or None,
                metadata={"partitions": len(published.left_out)},
            ),
            dg.AssetCheckResult(
                check_name="dictionaries_complete",
                passed=not incomplete,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"incomplete": ", ".join(row["sae_id"] for row in incomplete[:20]) or "none"},
            ),
        ],
    )


MAX_PLOTS = 5
"""Models whose dictionaries are plotted, those with the newest ones first: a plot is stored with each publication."""


def _pareto_plots(store: Store) -> dict[str, dg.MarkdownMetadataValue]:
    """For each model its dictionaries, FVU and CE recovered against L0."""
    from sql.query_output import rows_of

    by_model: dict[str, list[tuple[str, float, float, float | None]]] = {}
    for row in rows_of(store.published, "pareto_points"):
        point = (row["recipe_id"], row["l0"], row["fvu"], row["ce_recovered"])
        by_model.setdefault(row["model_id"], []).append(point)
    return {f"pareto {model_id}": pareto(points) for model_id, points in list(by_model.items())[:MAX_PLOTS]}
