"""How well a dictionary stands in for what it reads, on documents that nothing was trained on."""

from math import inf

import dagster as dg

from assets.sae import sae
from pipelines.dagster_support.metadata import page_link, rounded
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.progress import Progress
from pipelines.dagster_support.resources import GPU_STEP, REFRESH_WHEN_STALE, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.registry.identities.stages.sae_evaluation import SAE_EVALUATION
from pipelines.registry.registry import SAERegistration
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.model_loading import load_model
from pipelines.store.store import Store

FIRST = ("l0", "fvu", "largest_rows_share", "ce_recovered", "kl", "dead_fraction")
"""Metrics that are asked for first; the table has all."""

fvu = dg.AssetCheckSpec(
    "fvu_within_bounds", asset="sae_evaluation", description="Held-out FVU is at most the recipe's max_fvu."
)
ce = dg.AssetCheckSpec(
    "ce_within_bounds",
    asset="sae_evaluation",
    description="Held-out CE recovered is at least the recipe's min_ce_recovered (causal models).",
)
l0 = dg.AssetCheckSpec(
    "l0_within_bounds",
    asset="sae_evaluation",
    description="Held-out L0 is above none, and at most the recipe's k: within max_l0_error, for topk exactly.",
)


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[sae],
    kinds={"torch", "parquet"},
    group_name="dictionary",
    check_specs=[fvu, ce, l0],
    code_version=SAE_EVALUATION.code_version,
    automation_condition=REFRESH_WHEN_STALE,
    **GPU_STEP,
)
@fail_without_retry
def sae_evaluation(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Metrics of one dictionary on held-out documents: L0, FVU, what splicing its reconstruction into the real model
    does to the cross-entropy, shrinkage, sparse probing and absorption. A model without next-token loss has no
    cross-entropies."""
    import pyarrow as pa

    from models.corpora.context_sample import held_out
    from models.device import default_device
    from models.dictionaries.saelens_format import load
    from models.evaluation.feature_quality import evaluate_feature_quality, probe_contexts
    from models.evaluation.reconstruction import calibration_rows, evaluate_reconstruction
    from models.language_model.sites import Site
    from models.language_model.token_strings import TokenStrings

    registration = store.registration(context.partition_key)
    trained = store.datasets.trained(registration)
    settings = registration.recipe.statistics
    identity = SAE_EVALUATION.identity(registration, [trained.identity])
    folder = store.layout.table("sae_metric", registration)
    if why := why_made(identity, folder):
        context.log.info(f"measuring because {why}")
        contexts, host = store.datasets.contexts(trained), load_model(registration)
        site, dictionary = Site.parse(trained.facts["site"]), load(store.layout.sae(registration)).to(default_device())
        wanted, which = held_out(contexts, settings.evaluation_tokens), contexts.token_filter
        written, report = Site.parse(trained.facts["written"]), Progress(context, "batches")
        limit = trained.facts["norm_limit"]
        rows = evaluate_reconstruction(
            host, site, dictionary, wanted, which, written=written, norm_limit=limit, report=report
        )
        rows = pa.concat_tables([rows, calibration_rows(trained.facts["calibration"])])
        if settings.probe_tokens:
            pieces, probing = TokenStrings.of(host.tokenizer), probe_contexts(contexts, settings.probe_tokens)
            rows = pa.concat_tables(
                [rows, evaluate_feature_quality(host, site, dictionary, *probing, which, pieces, norm_limit=limit)]
            )
        store.tables.write(folder, rows, identity)
    rows = store.tables.read("sae_metric", registration).to_pylist()
    found, bounds = {row["metric"]: row["value"] for row in rows}, registration.recipe.quality_bounds
    recovered, most = found.get("ce_recovered"), _most(registration)
    return dg.MaterializeResult(
        metadata={
            "remade_because": why or NOT_MADE,
            "page": page_link(registration.sae_id),
            **{name: rounded(found[name]) for name in FIRST if name in found},
            "metrics": dg.MetadataValue.table(
                [
                    dg.TableRecord(
                        {
                            key: "" if row[key] is None else row[key]
                            for key in ("metric", "value", "ci_low", "ci_high", "unit", "n_tokens")
                        }
                    )
                    for row in rows
                ]
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
            _result("l0_within_bounds", 0 < found["l0"] <= (most or inf), found["l0"], most),
        ],
    )


def _most(registration: SAERegistration) -> float | None:
    """The largest L0 that is as wanted; none where none is wanted."""
    asked = registration.recipe.sae
    if not asked.wants_l0:
        return None
    return asked.k * (1.0 if asked.architecture == "topk" else 1 + registration.recipe.quality_bounds.max_l0_error)


def _result(name: str, passed: bool, found: float | None, bound: float | None) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(check_name=name, passed=passed, metadata={"found": found, "bound": bound})
