"""The published DuckDB file."""

import dagster as dg

from assets.feature_matches import feature_matches
from assets.label_scores import label_scores
from assets.logit_effects import logit_effects
from assets.neighbors import neighbors
from assets.sae_evaluation import sae_evaluation
from pipelines.dagster_support.metadata import page_link
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.plots import pareto
from pipelines.dagster_support.resources import PUBLISH_STEP, REFRESH_WHEN_STALE
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.store.resolve_all import resolve_registry
from pipelines.store.store import Store

consistent = dg.AssetCheckSpec(
    "tables_consistent",
    asset="published_warehouse",
    description="Tables agree: features are known, histograms add up, ratings are of known labels and examples.",
)
complete = dg.AssetCheckSpec(
    "partition_present",
    asset="published_warehouse",
    description="The partition's features, examples and metrics are in the published file.",
)


@dg.asset(
    partitions_def=sae_partitions,
    deps=[feature_matches, label_scores, logit_effects, neighbors, sae_evaluation],
    kinds={"duckdb"},
    group_name="warehouse",
    check_specs=[consistent, complete],
    automation_condition=REFRESH_WHEN_STALE,
    **PUBLISH_STEP,
)
@fail_without_retry
def published_warehouse(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """The DuckDB file that people query: built beside the published one from what changed in the store, checked, and
    moved into place. Readers keep what they opened."""
    from sql.consistency import inspect
    from sql.publish import publish
    from sql.stored_partitions import StoredTables
    from sql.warehouse import connect

    registration = store.registration(context.partition_key)
    tables = store.layout.root / "tables"
    registrations = [(r.model_id, r.recipe_id, r.dictionary_identity) for r in resolve_registry(store)[0]]
    done = publish(
        store.published,
        StoredTables(tables.filesystem, tables.path),
        registrations=registrations,
        progress=context.log.info,
    )
    con = connect(store.published)
    try:
        findings = inspect(con)
        [(features, examples, metrics)] = con.execute(
            "select (select count(*) from feature where model_id = $m and recipe_id = $r), "
            "(select count(*) from example where model_id = $m and recipe_id = $r), "
            "(select count(*) from sae_metric where model_id = $m and recipe_id = $r)",
            {"m": registration.model_id, "r": registration.recipe_id},
        ).fetchall()
        points = con.execute(
            "select recipe_id, l0, fvu, ce_recovered from sae_pareto where model_id = $m and l0 > 0 and fvu > 0",
            {"m": registration.model_id},
        ).fetchall()
    finally:
        con.close()
    return dg.MaterializeResult(
        metadata={
            "rows": dg.MetadataValue.table(
                [dg.TableRecord({"table": name, "rows": n}) for name, n in sorted(done.rows.items())]
            ),
            "page": page_link(context.partition_key),
            "pareto": pareto(points),
            "partitions_replaced": len(done.replaced),
            "seconds": done.seconds,
            "bytes": store.published.stat().st_size,
            "path": dg.MetadataValue.path(str(store.published)),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="tables_consistent",
                passed=not findings,
                metadata={"findings": "\n".join(map(str, findings[:20])) or "none"},
            ),
            dg.AssetCheckResult(
                check_name="partition_present",
                passed=min(features, examples, metrics) > 0,
                metadata={"features": features, "examples": examples, "metrics": metrics},
            ),
        ],
    )
