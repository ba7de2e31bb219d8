"""How well a dictionary stands in for what it reads, on documents that nothing was trained on."""

import dagster as dg

from assets.sae import sae
from pipelines.compute import on_gpu, when_behind
from pipelines.partitions import by_sae
from pipelines.plain_errors import plain_errors
from pipelines.progress import Progress
from pipelines.registry import CODE_VERSION
from pipelines.shown import shown
from pipelines.store import Store

fvu = dg.AssetCheckSpec(
    "fvu_within_bounds", asset="evaluation", description="Held-out FVU is at most the recipe's max_fvu."
)
ce = dg.AssetCheckSpec(
    "ce_within_bounds",
    asset="evaluation",
    description="Held-out CE recovered is at least the recipe's min_ce_recovered (causal models).",
)
l0 = dg.AssetCheckSpec(
    "l0_within_bounds", asset="evaluation", description="Held-out L0 is at most the recipe's k, and above none."
)


@dg.asset(
    partitions_def=by_sae,
    deps=[sae],
    kinds={"torch", "parquet"},
    group_name="dictionary",
    check_specs=[fvu, ce, l0],
    code_version=CODE_VERSION,
    automation_condition=when_behind,
    **on_gpu,
)
@plain_errors
def evaluation(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Metrics of one dictionary on held-out documents: L0, FVU, and what splicing its reconstruction into the real
    model does to the cross-entropy. A model without next-token loss has no cross-entropies."""
    from models.device import best_device
    from models.evaluation import evaluate, held_out
    from models.saelens import load
    from models.sites import Site

    registration = store.registration(context.partition_key)
    trained = store.trained(registration)
    tokens = registration.recipe.statistics.evaluation_tokens
    identity = {"sae": trained.identity_sha256, "evaluation_tokens": tokens, "code": CODE_VERSION}
    folder = store.table("sae_metric", registration)
    if not store.made(folder, identity):
        contexts, host = store.contexts(trained), store.host(registration)
        rows = evaluate(
            host,
            Site.parse(trained.facts["site"]),
            load(store.sae(registration)).to(best_device()),
            held_out(contexts, tokens),
            contexts.special_ids,
            report=Progress(context, "batches"),
        )
        store.write_table(folder, rows, identity)
    rows = store.read_table("sae_metric", registration).to_pylist()
    found, bounds = {row["metric"]: row["value"] for row in rows}, registration.recipe.bounds
    recovered = found.get("ce_recovered")
    return dg.MaterializeResult(
        metadata={
            **{name: shown(value) for name, value in found.items()},
            "metrics": dg.MetadataValue.table(
                [dg.TableRecord({key: row[key] for key in ("metric", "value", "unit", "n_tokens")}) for row in rows]
            ),
            "dagster/partition_row_count": len(rows),
        },
        check_results=[
            _result("fvu_within_bounds", found.get("fvu", 0.0) <= bounds.max_fvu, found.get("fvu"), bounds.max_fvu),
            _result(
                "ce_within_bounds",
                recovered is None or recovered >= bounds.min_ce_recovered,
                recovered,
                bounds.min_ce_recovered,
            ),
            _result(
                "l0_within_bounds", 0 < found["l0"] <= registration.recipe.sae.k, found["l0"], registration.recipe.sae.k
            ),
        ],
    )


def _result(name: str, passed: bool, found: float | None, bound: float) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(check_name=name, passed=passed, metadata={"found": found, "bound": bound})
