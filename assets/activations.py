"""A model's activations at every site that its recipes want."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from assets.corpus import corpus
from pipelines.dagster_support.metadata import model_link, rounded
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.progress import Progress
from pipelines.dagster_support.resources import GPU_STEP, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.launches.machine_run import machine_run
from pipelines.registry.identities.stages.activations import ACTIVATIONS
from pipelines.registry.registry import SAERegistration
from pipelines.store.current_datasets import NOT_MADE
from pipelines.store.disk_needs import require_room_for_harvest
from pipelines.store.harvest_sites import harvest_inputs, missing_sites
from pipelines.store.image_making import harvest_images
from pipelines.store.import_provenance import refuse_other_provenance
from pipelines.store.model_loading import load_model, load_vision
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store
from storage.dataset_lock import sole_maker
from storage.manifest import Manifest
from storage.table_schemas import rows_as_table

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

MOST_ROUNDING = 0.01
"""Of the variance of a site, what rounding to the stored number format may cost."""

token_counts = dg.AssetCheckSpec(
    "token_counts_match",
    asset="activations",
    blocking=True,
    description="Every site has one row for every token of text in the corpus, but for those that skip_first and "
    "max_norm leave out.",
)
all_finite = dg.AssetCheckSpec(
    "all_finite", asset="activations", blocking=True, description="No stored vector holds NaN or Inf."
)
no_position = dg.AssetCheckSpec(
    "no_position_dominates",
    asset="activations",
    blocking=True,
    description="No position of a context and no token holds more than 5 % of a site's variance while its rows lie "
    "more than four times as far from the mean as the others (mean squared distance), and none has most of its rows "
    "left out for their norm: every number of a dictionary would be about an attention sink.",
)
rounding = dg.AssetCheckSpec(
    "rounding_below_variance",
    asset="activations",
    blocking=True,
    description="Rounding to shard_dtype costs at most 1 % of a site's variance.",
)


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[corpus],
    kinds={"torch", "parquet"},
    code_version=ACTIVATIONS.code_version,
    group_name="harvest",
    check_specs=[token_counts, all_finite, no_position, rounding],
    **GPU_STEP,
)
@recorded_stage
@fail_without_retry
def activations(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Raw activations in Parquet shards, one row a token and site. The first partition of a model harvests every site
    that the model's recipes want in one pass; the others find them there. Attention sinks and outliers have no row;
    what was left out is counted."""
    from models.activations.harvest import harvest
    from models.corpora.contexts import TokenizedCorpus
    from models.device import described
    from models.language_model.sites import Site

    registration, machine = store.registration(context.partition_key), machine_run(context, store)
    if registration.model.images_seen is not None:
        return _of_images(context, store, registration)
    card, host = registration.model, load_model(registration)
    frame_sha256 = store.datasets.frame(registration).sha256(host.tokenizer)
    read = harvest_inputs(store, registration, frame_sha256)
    contexts = TokenizedCorpus.open(store.layout.corpus(registration.corpus_id, frame_sha256))
    with sole_maker(store.layout.root / "activations" / registration.model_id):
        outputs, reasons = missing_sites(store, registration, read, host)
        if outputs:
            refuse_other_provenance(store, registration)
            require_room_for_harvest(store, registration, host, contexts, outputs)
            place = f"{registration.model_id} over {contexts.n_contexts:,} contexts"
            context.log.info(f"harvesting {place} on {described(host.device, host.model.dtype)}: {_told(reasons)}")
            facts = {"corpus_id": registration.corpus_id, "frame_sha256": frame_sha256}
            if machine is not None:
                machine.harvest(registration, outputs, facts)
            else:
                harvest(host, contexts, outputs, facts, Progress(context, "contexts"), card.max_norm, card.shard_dtype)
    sites = dict.fromkeys(str(Site.parse(name).resolve(host.n_layers)) for name in registration.recipe.sites)
    corpora = dict.fromkeys(sites, contexts.manifest)
    return _result(store, registration, model_row(registration, host), corpora, reasons, _decoded(host.tokenizer))


def _of_images(context: dg.AssetExecutionContext, store: Store, registration: SAERegistration) -> dg.MaterializeResult:
    """The activations of a vision model at the positions of its images, site by site."""
    from models.images.grid_corpus import position_names
    from models.language_model.sites import Site

    model = load_vision(registration)
    with sole_maker(store.layout.root / "activations" / registration.model_id):
        reasons = harvest_images(store, registration, model, Progress(context, "images"))
    sites = dict.fromkeys(str(Site.parse(name).resolve(model.n_layers)) for name in registration.recipe.sites)
    corpora = {}
    for site in sites:
        made = Manifest.read(store.layout.activations(registration.model_id, site))
        assert made is not None
        corpora[site] = store.datasets.contexts(made).manifest
    names = position_names(model.grid(Site.parse(next(iter(sites))))).texts
    row = model_row(registration, model)
    return _result(store, registration, row, corpora, reasons, lambda position: names[position])


def _result(
    store: Store,
    registration: SAERegistration,
    row: "pa.Table",
    corpora: dict[str, Manifest],
    reasons: dict[str, str],
    spelled: "Callable[[int], str]",
) -> dg.MaterializeResult:
    """Writes the tables of the model and its sites, and says what they hold; `corpora` has the corpus of each site."""
    manifests = {site: _written(store, registration, site, corpus) for site, corpus in corpora.items()}
    site, own = next(iter(manifests.items()))
    store.tables.write(store.layout.table_at("model", model_id=registration.model_id), row, own.identity)
    return dg.MaterializeResult(
        metadata={
            **_counted(own, corpora[site]),
            "remade_because": _told(reasons) or NOT_MADE,
            "page": model_link(registration.model_id),
            "harvested_now": ", ".join(reasons) or "nothing: all sites were there",
            "path": dg.MetadataValue.path(store.layout.activations(registration.model_id, own.facts["site"]).url),
            "dagster/partition_row_count": own.rows,
        },
        check_results=_checks(registration, manifests, corpora, spelled),
    )


def _decoded(tokenizer) -> "Callable[[int], str]":
    return lambda token_id: repr(tokenizer.decode([token_id]))


def _told(reasons: dict[str, str]) -> str:
    """Why sites are harvested: once where all have one reason."""
    if len(set(reasons.values())) == 1:
        return next(iter(reasons.values()))
    return "; ".join(f"{site}: {why}" for site, why in reasons.items())


def _written(store: Store, registration: SAERegistration, site: str, corpus_manifest):
    """The manifest of a site, its tables written."""
    from models.activations.activation_profile import profile_rows

    folder = store.layout.activations(registration.model_id, site)
    manifest = Manifest.read(folder)
    assert manifest is not None
    rows = {
        "activation_shard": shard_rows(folder.url, manifest),
        "activation_profile": profile_rows(manifest.facts["profile"]),
        "activation_site": site_row(manifest, corpus_manifest),
    }
    places = {table: store.layout.table_at(table, model_id=registration.model_id, site=site) for table in rows}
    store.tables.write_together(places, rows, manifest.identity)
    return manifest


def _counted(manifest, corpus_manifest) -> dict:
    """The numbers that are asked for first, of the site that the recipe reads."""
    facts, profile = manifest.facts, manifest.facts["profile"]
    first = [{k: rounded(v) if isinstance(v, float) else v for k, v in row.items()} for row in profile["positions"][:8]]
    return {
        "tokens": manifest.rows,
        "left_out_special": corpus_manifest.facts["n_special"],
        "left_out_first": corpus_manifest.facts["n_skipped"],
        "left_out_outliers": profile["n_outliers"],
        "site": facts["site"],
        "width": facts["width"],
        "dtype": manifest.facts["dtype"],
        "bytes": sum(file.bytes for file in manifest.files),
        "shards": len(manifest.files),
        "median_norm": rounded(facts["median_norm"]),
        "largest_rows_share": rounded(profile["largest_rows_share"]),
        "rounding_share": rounded(facts["rounding_share"]),
        "first_positions": dg.MetadataValue.table(
            [dg.TableRecord({k: v or 0 for k, v in row.items()}) for row in first]
        ),
    }


def _checks(registration: SAERegistration, manifests: dict, corpora: dict, spelled) -> list[dg.AssetCheckResult]:
    wanted = {site: corpus.facts["n_tokens"] - corpus.facts["n_skipped"] for site, corpus in corpora.items()}
    held = {site: m.rows + m.facts["profile"]["n_outliers"] for site, m in manifests.items()}
    n_bad = {site: m.facts["profile"]["n_non_finite"] for site, m in manifests.items()}
    shares = {site: m.facts["rounding_share"] for site, m in manifests.items()}
    found = {site: _dominating(m.facts["profile"], spelled) for site, m in manifests.items()}
    return [
        dg.AssetCheckResult(
            check_name="token_counts_match",
            passed=held == wanted,
            metadata={"corpus": wanted, "stored_or_outlying": held},
        ),
        dg.AssetCheckResult(
            check_name="all_finite", passed=not any(n_bad.values()), metadata={"tokens_with_nan_or_inf": n_bad}
        ),
        dg.AssetCheckResult(
            check_name="no_position_dominates",
            passed=not any(found.values()),
            description="".join(_about_sinks(site, sentences) for site, sentences in found.items() if sentences)
            or None,
            metadata={"dominating": found},
        ),
        dg.AssetCheckResult(
            check_name="rounding_below_variance",
            passed=max(shares.values()) <= MOST_ROUNDING,
            description="".join(
                f"{site}: rounding to {registration.model.shard_dtype} costs {share:.3g} of the variance, at most "
                f"{MOST_ROUNDING} is allowed: set shard_dtype: float32 in the model card. "
                for site, share in shares.items()
                if share > MOST_ROUNDING
            )
            or None,
            metadata={"share_of_the_variance": shares},
        ),
    ]


def _dominating(profile: dict, spelled) -> list[str]:
    from models.activations.dominance import dominance_sentences

    return dominance_sentences(profile, spelled)


def _about_sinks(site: str, sentences: list[str]) -> str:
    return (
        f"{site}: {'; '.join(sentences[:3])}{' …' if len(sentences) > 3 else ''}. An attention sink, or outliers like "
        "one, would be most of what a dictionary learns: set prepend_bos: auto and skip_first: auto in the model card, "
        "or a BOS token, more first tokens to skip or a lower max_norm. "
    )


def model_row(registration: SAERegistration, host):
    """The model as one row of the table `model`."""
    row = {
        "corpus_id": registration.corpus_id,
        "source": registration.model.source,
        "revision": registration.revision,
        "weights_sha256": host.weights_sha256,
        "architecture": host.architecture,
        "n_layers": host.n_layers,
        "d_model": host.d_model,
        "vocab_size": getattr(host, "vocab_size", None),
        "n_parameters": host.n_parameters,
        "dtype": registration.model.dtype,
        "registered_at": datetime.now(UTC).replace(tzinfo=None),
    }
    return rows_as_table("model", [row])


def site_row(manifest, corpus_manifest):
    """The site as one row of the table `activation_site`."""
    facts, profile, corpus_facts = manifest.facts, manifest.facts["profile"], corpus_manifest.facts
    row = {
        "n_tokens": manifest.rows,
        "n_special": corpus_facts["n_special"],
        "n_skipped": corpus_facts["n_skipped"],
        "n_outliers": profile["n_outliers"],
        "median_norm": facts["median_norm"],
        "norm_limit": facts["norm_limit"],
        "variance": profile["variance"],
        "largest_rows_share": profile["largest_rows_share"],
        "rounding_share": facts["rounding_share"],
        "norm_quantiles": list(profile["norm_quantiles"].values()),
    }
    return rows_as_table("activation_site", [row])


def shard_rows(url: str, manifest):
    """The shards of one site as rows of the table `activation_shard`."""
    facts = {"width": manifest.facts["width"], "dtype": manifest.facts["dtype"]}
    rows = [
        {"shard": i, "uri": f"{url}/{file.name}", "n_tokens": file.rows, "bytes": file.bytes, "sha256": file.sha256}
        | facts
        for i, file in enumerate(manifest.files)
    ]
    return rows_as_table("activation_shard", rows)
