"""The dictionary of one partition, trained from stored activations."""

from datetime import UTC, datetime

import dagster as dg

from assets.activations import activations
from pipelines.compute import on_gpu
from pipelines.partitions import by_sae
from pipelines.plain_errors import plain_errors
from pipelines.plots import curves
from pipelines.progress import Progress
from pipelines.registry import CODE_VERSION, Registration
from pipelines.shown import shown
from pipelines.store import Store

exported = dg.AssetCheckSpec(
    "export_equals_trained",
    asset="sae",
    blocking=True,
    description="The files, read back, code tokens exactly as the trained dictionary does.",
)


@dg.asset(
    partitions_def=by_sae,
    deps=[activations],
    kinds={"torch", "safetensors"},
    group_name="dictionary",
    check_specs=[exported],
    **on_gpu,
)
@plain_errors
def sae(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """A dictionary over one site of one model, in the SAELens layout, and its training curves. Documents that are
    held out (one in sixteen) are never trained on."""
    import torch

    from models.device import best_device
    from models.documents import is_held_out
    from models.manifest import FileEntry, Manifest
    from models.saelens import export, load
    from models.shuffle import Shuffled
    from models.training import Row, train

    registration = store.registration(context.partition_key)
    recipe, harvested = registration.recipe, store.harvested(registration)
    identity = {
        "dictionary": registration.dictionary_identity,
        "activations": harvested.identity_sha256,
        "code": CODE_VERSION,
    }
    folder = store.sae(registration)
    made = store.made(folder, identity)
    agree = made is not None
    if made is None:
        kept_C = torch.tensor([not is_held_out(name) for name in store.contexts(harvested).document_ids])
        shards = store.shards(registration)
        source = Shuffled(shards, kept_C)
        progress, began = Progress(context, "tokens"), datetime.now(UTC)

        def log(row: Row) -> None:
            progress(row.tokens, recipe.training.tokens, fvu=row.fvu, dead_fraction=row.dead_fraction)

        checkpoints = folder / "checkpoint"
        trained = train(recipe.sae, recipe.training, source, checkpoints, log, best_device(), harvested.identity_sha256)
        context.log.info(f"trained on {trained.n_tokens:,} tokens in {datetime.now(UTC) - began}")
        rows = sae_rows(registration, harvested, trained, folder.url)
        store.write_table(store.table("sae_training", registration), rows["sae_training"], identity)
        names = export(trained, folder, **hook_facts(registration, harvested))
        entries = []
        for name in names:
            with folder.reading(name) as path:
                entries.append(FileEntry.of(path, name, 1))
        probe_TD = next(shards.batches(1024)).x_TD.float()
        agree = _same_codes(load(folder), trained.sae, probe_TD)
        store.write_table(store.table("sae", registration), rows["sae"], identity)
        made = Manifest(
            identity,
            tuple(entries),
            harvested.facts | {"n_features": trained.sae.n_features, "n_tokens": trained.n_tokens},
        )
        made.write(folder)
        checkpoints.remove()
    curve = store.read_table("sae_training", registration).to_pydict()
    last = {name: values[-1] for name, values in curve.items()}
    return dg.MaterializeResult(
        metadata={
            "fvu": shown(last["fvu"]),
            "l0": shown(last["l0"]),
            "dead_fraction": shown(last["dead_fraction"]),
            "training_tokens": last["tokens"],
            "tokens_per_second": shown(last["tokens_per_second"]),
            "features": made.facts["n_features"],
            "curves": curves(curve["step"], ("fvu", curve["fvu"]), ("dead fraction", curve["dead_fraction"])),
            "path": dg.MetadataValue.path(folder.url),
            "identity": registration.dictionary_identity[:12],
        },
        check_results=[dg.AssetCheckResult(check_name="export_equals_trained", passed=agree)],
    )


def _same_codes(read, trained, probe_TD) -> bool:
    import torch

    found, wanted = read.to("cpu").encode(probe_TD), trained.to("cpu").encode(probe_TD)
    return torch.equal(found.features_TK, wanted.features_TK) and torch.equal(found.acts_TK, wanted.acts_TK)


def hook_facts(registration: Registration, harvested) -> dict:
    """What the SAELens configuration says of where the dictionary belongs."""
    return {
        "model_name": registration.model.source,
        "hook_name": harvested.facts["site"],
        "context_size": registration.model.corpus.context_length,
        "dataset": registration.model.corpus.source,
    }


def sae_rows(registration: Registration, harvested, trained, uri: str) -> dict:
    """The rows of `sae` and `sae_training`."""
    from dataclasses import asdict

    import pyarrow as pa

    from models.sites import Site

    recipe = registration.recipe
    row = {
        "identity": registration.dictionary_identity,
        "corpus_id": registration.corpus_id,
        "tokenizer_sha256": harvested.facts["tokenizer_sha256"],
        "site": harvested.facts["site"],
        "layer": Site.parse(harvested.facts["site"]).layer,
        "architecture": recipe.sae.architecture,
        "d_in": harvested.facts["width"],
        "n_features": trained.sae.n_features,
        "config": recipe.model_dump_json(),
        "n_training_tokens": trained.n_tokens,
        "seed": recipe.training.seed,
        "uri": uri,
        "origin": "trained",
        "code_version": CODE_VERSION,
        "created_at": datetime.now(UTC).replace(tzinfo=None),
    }
    return {
        "sae": pa.Table.from_pylist([row]),
        "sae_training": pa.Table.from_pylist([asdict(point) for point in trained.curve]),
    }
