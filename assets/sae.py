"""The dictionary of one partition: trained from stored activations, imported, or the neurons themselves."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from assets.activations import activations
from pipelines.dagster_support.data_versions import data_version
from pipelines.dagster_support.metadata import page_link, rounded
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.plots import training_curves
from pipelines.dagster_support.progress import Progress
from pipelines.dagster_support.resources import GPU_STEP, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.launches.machine_run import machine_run
from pipelines.registry.identities.stages.sae import SAE
from pipelines.registry.registry import SAERegistration
from pipelines.store import build_dictionary
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.dictionary_making import make_dictionary
from pipelines.store.disk_needs import require_room_for_training
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store
from storage.dataset_lock import sole_maker
from storage.manifest import Manifest

if TYPE_CHECKING:
    from models.training.curve import CurvePoint

exported = dg.AssetCheckSpec(
    "export_equals_trained",
    asset="sae",
    blocking=True,
    description="The files, read back, code tokens exactly as the dictionary that was written does.",
)
l0_target = dg.AssetCheckSpec(
    "l0_matches_target",
    asset="sae",
    description="On held-out tokens the exported dictionary has the L0 that the recipe wants, within max_l0_error, and "
    "is no worse in FVU than it was in training, within as much.",
)

provenance = dg.AssetCheckSpec(
    "provenance_matches",
    asset="sae",
    description="An imported dictionary is read where its file says that it belongs: model, site, context length, BOS.",
)


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[activations],
    kinds={"torch", "safetensors"},
    code_version=SAE.code_version,
    group_name="dictionary",
    check_specs=[exported, l0_target, provenance],
    **GPU_STEP,
)
@recorded_stage
@fail_without_retry
def sae(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """A dictionary over one site of one model, in the SAELens layout, and its training curves. Documents that are
    held out (one in sixteen) are never trained on; on them thresholds are calibrated. Where a recipe asks for several
    blocks, the first partition trains the dictionaries of all, and the others find theirs there."""
    registration = store.registration(context.partition_key)
    identity, folder = build_dictionary.identity_of(store, registration), store.layout.sae(registration)
    tables = (store.layout.table(name, registration) for name in ("sae_training", "sae"))
    with sole_maker(store.layout.sae_at(registration.model_id, registration.set_id or registration.recipe_id)):
        why = why_made(identity, folder, *tables)
        made = None if why else Manifest.find_current(folder, identity)
        if made is None:
            began = datetime.now(UTC)
            made = _made(context, store, registration)
            context.log.info(f"made in {datetime.now(UTC) - began} because {why}")
    return dg.MaterializeResult(
        data_version=data_version(made.identity),
        metadata=metadata(store, registration, made) | {"remade_because": why or NOT_MADE},
        check_results=checks(registration, made),
    )


def _made(context: dg.AssetExecutionContext, store: Store, registration: SAERegistration) -> Manifest:
    require_room_for_training(store, registration)
    if registration.recipe.sae.learns and (machine := machine_run(context, store)) is not None:
        machine.train(registration)
        return store.datasets.trained(registration)
    from models.device import default_device, described

    context.log.info(f"training on {described(default_device())}")
    log = _log(context, registration)
    found = make_dictionary(store, registration, lambda sae_id, row: log(row))
    context.log.info(f"made: {', '.join(found)}")
    return store.datasets.trained(registration)


def _log(context: dg.AssetExecutionContext, registration: SAERegistration) -> "Callable[[CurvePoint], None]":
    progress = Progress(context, "tokens")

    def log(row: "CurvePoint") -> None:
        progress(row.tokens, registration.recipe.training.tokens, fvu=row.fvu, dead_fraction=row.dead_fraction)

    return log


def metadata(store: Store, registration: SAERegistration, made) -> dict:
    """The numbers that are asked for first."""
    curve = store.tables.read("sae_training", registration).to_pydict()
    found = {"features": made.facts["n_features"], "path": dg.MetadataValue.path(store.layout.sae(registration).url)}
    found["page"] = page_link(registration.sae_id)
    found["identity"] = registration.dictionary_identity[:12]
    if note := made.facts["note"]:
        found["note"] = note
    if not curve["step"]:
        return found
    last = {name: values[-1] for name, values in curve.items()}
    found |= {name: rounded(last[name]) for name in ("fvu", "l0", "dead_fraction", "tokens_per_second")}
    found["largest_rows_share"] = rounded(store.datasets.harvest_profile(registration)["largest_rows_share"])
    found["training_tokens"] = last["tokens"]
    found["curves"] = training_curves(curve["step"], {"FVU": curve["fvu"], "dead fraction": curve["dead_fraction"]})
    return found


def checks(registration: SAERegistration, made) -> list[dg.AssetCheckResult]:
    """Whether the files are the dictionary, and the dictionary what was wanted."""
    files = dg.AssetCheckResult(check_name="export_equals_trained", asset_key="sae", passed=made.facts["agree"])
    return [files, _l0_matches_target(registration, made.facts["calibration"]), _provenance_matches(made)]


def _provenance_matches(made) -> dg.AssetCheckResult:
    from models.interchange.provenance import Mismatch, told

    facts = made.facts  # one that an earlier version wrote has neither
    named, differs = facts.get("named"), told([Mismatch(**one) for one in facts.get("mismatches", ())])
    by_file = {"named_by_the_file": named} if named else {"none_because": "no file names where it belongs"}
    return dg.AssetCheckResult(
        check_name="provenance_matches",
        passed=not differs,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"by its file it was made for another place, which the recipe allows: {differs}"
        if differs
        else None,
        metadata=by_file | {"mismatches": differs or "none"},
    )


def _l0_matches_target(registration: SAERegistration, found: dict | None) -> dg.AssetCheckResult:
    if found is None:
        why = {"none_because": "nothing was trained here: the dictionary has the L0 that it has"}
        return dg.AssetCheckResult(check_name="l0_matches_target", asset_key="sae", passed=True, metadata=why)
    from models.evaluation.l0_target import has_wanted_l0, is_as_trained

    asked, tolerance = registration.recipe.sae, registration.recipe.quality_bounds.max_l0_error
    trained, kept = found["trained"], found["exported"]
    passed = has_wanted_l0(asked, kept["l0"], tolerance) and is_as_trained(found, tolerance)
    facts = {"wanted_l0": asked.k, "trained_l0": trained["l0"], "exported_l0": kept["l0"], "bound": tolerance}
    facts |= {"trained_fvu": trained["fvu"], "exported_fvu": kept["fvu"], "held_out_tokens": found["n_tokens"]}
    return dg.AssetCheckResult(check_name="l0_matches_target", asset_key="sae", passed=passed, metadata=facts)
