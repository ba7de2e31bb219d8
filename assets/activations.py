"""A model's activations at every site that its recipes want."""

from datetime import UTC, datetime

import dagster as dg

from assets.corpus import corpus
from pipelines.compute import on_gpu
from pipelines.partitions import by_sae
from pipelines.plain_errors import plain_errors
from pipelines.progress import Progress
from pipelines.registry import CODE_VERSION, Registration
from pipelines.store import Store

conserved = dg.AssetCheckSpec(
    "tokens_conserved",
    asset="activations",
    blocking=True,
    description="Every site has one row for every token of text in the corpus.",
)
finite = dg.AssetCheckSpec(
    "finite", asset="activations", blocking=True, description="No stored vector holds NaN or Inf."
)


@dg.asset(
    partitions_def=by_sae,
    deps=[corpus],
    kinds={"torch", "parquet"},
    group_name="harvest",
    check_specs=[conserved, finite],
    **on_gpu,
)
@plain_errors
def activations(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Raw activations in Parquet shards, one row a token and site. The first partition of a model harvests every site
    that the model's recipes want in one pass; the others find them there."""
    from models.contexts import Contexts, tokenizer_sha256
    from models.harvest import harvest
    from models.manifest import Manifest
    from models.shards import Shards
    from models.sites import Site

    registration = store.registration(context.partition_key)
    host = store.host(registration)
    texts = store.corpus(registration.corpus_id, tokenizer_sha256(host.tokenizer))
    contexts = Contexts.open(texts)
    wanted = {
        Site.parse(site).resolve(host.n_layers)
        for recipe in [*store.cards().recipes_of(registration.model_id).values(), registration.recipe]
        for site in recipe.sites
    }
    own = Site.parse(registration.recipe.site).resolve(host.n_layers)
    facts = {"corpus_id": registration.corpus_id, "tokenizer_sha256": contexts.manifest.identity["tokenizer_sha256"]}
    outputs = {}
    for site in sorted(wanted, key=str):
        folder = store.activations(registration.model_id, str(site))
        identity = harvest_identity(registration, host, contexts.manifest, str(site))
        if not store.made(folder, identity):
            outputs[site] = (folder, identity)
    if outputs:
        context.log.info(
            f"harvesting {', '.join(map(str, outputs))} of {registration.model_id} over {contexts.n_contexts:,} "
            "contexts"
        )
        harvest(host, contexts, outputs, facts, Progress(context, "contexts"))
    manifest = Manifest.read(store.activations(registration.model_id, str(own)))
    assert manifest is not None
    store.write_table(
        store.table_at("model", model_id=registration.model_id), model_row(registration, host), manifest.identity
    )
    for site in {str(Site.parse(name).resolve(host.n_layers)) for name in registration.recipe.sites}:
        folder = store.activations(registration.model_id, site)
        harvested = Manifest.read(folder)
        assert harvested is not None
        rows = shard_rows(folder.url, harvested)
        table = store.table_at("activation_shard", model_id=registration.model_id, site=site)
        store.write_table(table, rows, harvested.identity)
    n_tokens, n_bad = (
        contexts.manifest.facts["n_tokens"],
        Shards(store.activations(registration.model_id, str(own)), manifest).n_non_finite(),
    )
    return dg.MaterializeResult(
        metadata={
            "tokens": manifest.rows,
            "site": str(own),
            "width": manifest.facts["width"],
            "dtype": manifest.identity["dtype"],
            "bytes": sum(file.bytes for file in manifest.files),
            "shards": len(manifest.files),
            "harvested_now": ", ".join(map(str, outputs)) or "nothing: all sites were there",
            "path": dg.MetadataValue.path(store.activations(registration.model_id, str(own)).url),
            "dagster/partition_row_count": manifest.rows,
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="tokens_conserved",
                passed=manifest.rows == n_tokens,
                metadata={"corpus": n_tokens, "stored": manifest.rows},
            ),
            dg.AssetCheckResult(check_name="finite", passed=n_bad == 0, metadata={"tokens_with_nan_or_inf": n_bad}),
        ],
    )


def harvest_identity(registration: Registration, host, corpus_manifest, site: str) -> dict:
    """Everything that the stored vectors depend on."""
    return {
        "source": registration.model.source,
        "revision": registration.revision,
        "weights_sha256": host.weights_sha256,
        "compute_dtype": registration.model.dtype,
        "corpus": corpus_manifest.identity_sha256,
        "context_length": registration.model.corpus.context_length,
        "site": site,
        "dtype": registration.model.shard_dtype,
        "code": CODE_VERSION,
    }


def model_row(registration: Registration, host):
    """The model as one row of the table `model`."""
    import pyarrow as pa

    row = {
        "corpus_id": registration.corpus_id,
        "source": registration.model.source,
        "revision": registration.revision,
        "weights_sha256": host.weights_sha256,
        "architecture": host.architecture,
        "n_layers": host.n_layers,
        "d_model": host.d_model,
        "vocab_size": host.vocab_size,
        "n_parameters": host.n_parameters,
        "dtype": registration.model.dtype,
        "registered_at": datetime.now(UTC).replace(tzinfo=None),
    }
    return pa.Table.from_pylist([row])


def shard_rows(url: str, manifest):
    """The shards of one site as rows of the table `activation_shard`."""
    import pyarrow as pa

    facts = {"width": manifest.facts["width"], "dtype": manifest.identity["dtype"]}
    rows = [
        {"shard": i, "uri": f"{url}/{file.name}", "n_tokens": file.rows, "bytes": file.bytes, "sha256": file.sha256}
        | facts
        for i, file in enumerate(manifest.files)
    ]
    return pa.Table.from_pylist(rows)
