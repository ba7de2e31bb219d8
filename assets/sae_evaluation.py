"""How well a dictionary stands in for what it reads, on documents that nothing was trained on."""

from math import inf
from typing import TYPE_CHECKING

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
from pipelines.store.dictionary_sets import transcoders_of
from pipelines.store.model_loading import load_model, load_vision
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store

if TYPE_CHECKING:
    from models.dictionaries.transcoder_set import TranscoderSet

FIRST = (
    *("l0", "fvu", "largest_rows_share", "ce_recovered", "ce_recovered_by_set", "kl", "dead_fraction"),
    *("class_kl_recovered", "class_agreement"),
)
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
@recorded_stage
@fail_without_retry
def sae_evaluation(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Metrics of one dictionary on held-out documents: L0, FVU, what splicing its reconstruction into the real model
    does to the cross-entropy, shrinkage, sparse probing and absorption. A model without next-token loss has no
    cross-entropies."""
    from models.activations.image_host import ImageHost
    from models.device import default_device
    from models.evaluation.dictionary_metrics import EvaluationInput, evaluate_dictionary
    from models.evaluation.image_metrics import evaluate_on_images
    from models.images.grid_corpus import GridCorpus

    registration = store.registration(context.partition_key)
    trained = store.datasets.trained(registration)
    settings = registration.recipe.statistics
    identity = SAE_EVALUATION.identity(registration, [trained.identity])
    folder = store.layout.table("sae_metric", registration)
    if why := why_made(identity, folder):
        context.log.info(f"measuring because {why}")
        dictionary, contexts = store.datasets.dictionary(registration), store.datasets.contexts(trained)
        dictionary, report = dictionary.to(default_device()), Progress(context, "batches")
        if isinstance(contexts, GridCorpus):
            host = ImageHost(load_vision(registration), contexts)
            rows = evaluate_on_images(host, dictionary, trained.facts, settings, report)
        else:
            model = load_model(registration)
            given = EvaluationInput.of(model, dictionary, contexts, trained.facts, _set(store, registration))
            rows = evaluate_dictionary(given, settings, report)
        store.tables.write(folder, rows, identity)
    rows = store.tables.read("sae_metric", registration).to_pylist()
    found = {row["metric"]: row["value"] for row in rows}
    return dg.MaterializeResult(
        metadata={
            "remade_because": why or NOT_MADE,
            "page": page_link(registration.sae_id),
            **{name: rounded(found[name]) for name in FIRST if name in found},
            "metrics": dg.MetadataValue.table([_record(row) for row in rows]),
            "dagster/partition_row_count": len(rows),
        },
        check_results=_checks(registration, found),
    )


def _set(store: Store, registration: SAERegistration) -> "TranscoderSet | None":
    """The transcoders of all blocks, where the dictionary is one of them."""
    if registration.set_id is None or registration.recipe.sae.output_site is None:
        return None
    return transcoders_of(store, registration.model_id, registration.set_id)


def _record(row: dict) -> dg.TableRecord:
    shown = ("metric", "value", "ci_low", "ci_high", "unit", "n_tokens")
    return dg.TableRecord({key: "" if row[key] is None else row[key] for key in shown})


def _checks(registration: SAERegistration, found: dict[str, float]) -> list[dg.AssetCheckResult]:
    """Metrics against the recipe's bounds; one that the dictionary or the model has not passes, but for L0."""
    from models.evaluation.l0_target import largest_l0

    bounds = registration.recipe.quality_bounds
    fvu, recovered, l0 = found.get("fvu"), found.get("ce_recovered"), found["l0"]
    most = largest_l0(registration.recipe.sae, bounds.max_l0_error)
    return [
        _result("fvu_within_bounds", fvu is None or fvu <= bounds.max_fvu, fvu, bounds.max_fvu),
        _result(
            "ce_within_bounds",
            recovered is None or recovered >= bounds.min_ce_recovered,
            recovered,
            bounds.min_ce_recovered,
        ),
        _result("l0_within_bounds", 0 < l0 <= (most or inf), l0, most),
    ]


def _result(name: str, passed: bool, found: float | None, bound: float | None) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(check_name=name, passed=passed, metadata={"found": found, "bound": bound})
