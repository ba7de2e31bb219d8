"""How a partition's dictionary comes to lie in the store: trained, imported or made of neurons; then calibrated,
exported, read back and recorded."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipelines.registry.identities.stages.sae import SAE
from pipelines.registry.registry import SAERegistration
from pipelines.store.import_provenance import allowed_mismatches, read_import
from pipelines.store.open_store import OpenStore
from pipelines.store.sae_rows import sae_row, training_rows
from storage.manifest import Manifest, ManifestFile

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import Tensor

    from models.activations.shuffled_stream import ShuffledActivations
    from models.dictionaries.base import SparseDictionary
    from models.interchange.provenance import Mismatch
    from models.training.curve import CurvePoint
    from models.training.threshold_calibration import Calibration
    from models.training.trainer import TrainedDictionary, TrainingJob


def identity_of(store: OpenStore, registration: SAERegistration) -> dict[str, Any]:
    """Everything that the dictionary depends on."""
    harvested = [store.datasets.harvested(registration, site).identity for site in registration.recipe.sites]
    return SAE.identity(registration, harvested)


def training_stream(
    store: OpenStore, registration: SAERegistration, *, held_out: bool = False, sites: Sequence[str] = ()
) -> "ShuffledActivations":
    """The activations of the documents that are trained on, or of those that are held out, at the recipe's sites or at
    others."""
    import torch

    from models.activations.shuffled_stream import BUFFER_BYTES, ShuffledActivations

    contexts = store.datasets.contexts(store.datasets.harvested(registration))
    kept_C = torch.tensor([(name in contexts.held_out_documents) == held_out for name in contexts.document_ids])
    shards, *beside = [store.datasets.shards(registration, site) for site in sites or registration.recipe.sites]
    buffer_bytes = BUFFER_BYTES if len(beside) < 2 else 4 * BUFFER_BYTES // (1 + len(beside))
    return ShuffledActivations(shards, kept_C, buffer_bytes, tuple(beside))


def training_job(
    store: OpenStore, registration: SAERegistration, log: "Callable[[CurvePoint], None]", sites: Sequence[int] = ()
) -> "TrainingJob":
    """What is to be trained for a partition, on all sites of the source or some of them."""
    from models.training.trainer import TrainingJob

    recipe, checkpoints = registration.recipe, store.layout.sae(registration) / "checkpoint"
    return TrainingJob(recipe.sae, recipe.training, checkpoints, log, registration.sae_id, tuple(sites))


@dataclass(frozen=True, slots=True)
class BuiltDictionary:
    """A dictionary before it is written down, and what is known of how it came about."""

    sae: "SparseDictionary"
    curve: "tuple[CurvePoint, ...]" = ()
    n_tokens: int | None = None
    density_F: "Tensor | None" = None
    origin: str = "trained"
    facts: dict[str, Any] | None = None
    mismatches: "tuple[Mismatch, ...]" = ()
    """Where its file names something else than the cards; the recipe allows it."""

    @classmethod
    def of(cls, trained: "TrainedDictionary") -> "BuiltDictionary":
        return cls(trained.sae, trained.curve, trained.n_tokens, trained.density_F)


def import_or_neurons(store: OpenStore, registration: SAERegistration) -> BuiltDictionary:
    """The site's neurons, or a dictionary that another library trained.

    Raises:
        ValueError: If what is imported does not fit the recipe's sites, or was made for another place than the cards
            say and than the recipe allows.
    """
    from models.dictionaries.architectures.neurons import NeuronDictionary
    from models.dictionaries.saelens_format import from_saelens

    if registration.recipe.sae.imported is None:
        return BuiltDictionary(
            NeuronDictionary.of(store.datasets.harvested(registration).facts["width"]), origin="neurons"
        )
    foreign = read_import(registration)
    sites = [store.datasets.site(registration, site) for site in registration.recipe.sites]
    found = allowed_mismatches(store, registration, foreign.facts, sites)
    sae = from_saelens(foreign.config, foreign.tensors)
    _refuse_other_widths(store, registration, sae)
    return BuiltDictionary(sae, origin=f"imported:{foreign.format}", facts=foreign.facts, mismatches=tuple(found))


def _later_blocks(registration: SAERegistration) -> list[int]:
    own = int(registration.recipe_id.rpartition(".")[2]) if registration.set_id else 0
    return [block for block in registration.recipe.layers or () if block > own]


def _refuse_other_widths(store: OpenStore, registration: SAERegistration, sae: "SparseDictionary") -> None:
    from models.dictionaries.architectures.cross_layer_transcoder import CrossLayerSlice

    sites = registration.recipe.sites
    widths = [store.datasets.harvested(registration, site).facts["width"] for site in sites]
    name = f"{registration.sae_id}: {registration.recipe.sae.imported}"
    if sae.crosses and len(sites) == 1:
        raise ValueError(f"{name} is a transcoder: say in sae.output_site what it writes")
    if not sae.crosses and len(sites) > 1:
        raise ValueError(f"{name} writes what it reads: leave out sae.output_site")
    found = [sae.d_in, sae.d_out][: len(sites)]
    if isinstance(sae, CrossLayerSlice) and list(sae.later_FE) != _later_blocks(registration):
        raise ValueError(
            f"{name} writes besides its own the blocks {list(sae.later_FE)}, and layers of the recipe has the later "
            f"blocks {_later_blocks(registration)}: give all blocks of the transcoder"
        )
    if found != widths:
        raise ValueError(
            f"{name} is made for activations of width {' and '.join(map(str, found))}, {' and '.join(sites)} of this "
            f"model have {' and '.join(map(str, widths))}: correct the site, or import another"
        )


def save_dictionary(
    store: OpenStore, registration: SAERegistration, made: BuiltDictionary, known: "Calibration | None" = None
) -> Manifest:
    """Calibrates a dictionary that is not yet, writes it and its tables, reads it back; its manifest goes last."""
    from models.dictionaries.saelens_format import export, load

    identity, folder = identity_of(store, registration), store.layout.sae(registration)
    if known is None and registration.recipe.sae.learns:
        known = calibration(store, registration, made)
    sae = known.sae if known else made.sae
    store.tables.write(store.layout.table("sae_training", registration), training_rows(made.curve), identity)
    names = export(sae, folder, _origin(store, registration, made, known), made.density_F)
    entries = tuple(ManifestFile.written(folder, name, 1) for name in names)
    probe_TD = known.probe_TD if known else next(store.datasets.shards(registration).batches(1024)).x_TD.float()
    facts = store.datasets.harvested(registration).facts | {
        "profile": None,
        "n_features": sae.n_features,
        "n_tokens": made.n_tokens,
        "agree": codes_equal(load(folder), sae, probe_TD),
        "calibration": _calibration_facts(known),
        "written": store.datasets.site(registration, registration.recipe.sites[-1]),
        "note": (made.facts or {}).get("note"),
        "named": made.facts,
        "mismatches": [asdict(one) for one in made.mismatches],
    }
    store.tables.write(store.layout.table("sae", registration), _row(store, registration, made, folder.url), identity)
    manifest = Manifest(identity, entries, facts)
    manifest.write(folder)
    (folder / "checkpoint").remove()
    return manifest


def calibration(store: OpenStore, registration: SAERegistration, made: BuiltDictionary) -> "Calibration":
    """On held-out documents, in batches as large as those of the training."""
    from models.training.threshold_calibration import calibrate

    source, batch = training_stream(store, registration, held_out=True), registration.recipe.training.batch_tokens
    return calibrate(made.sae, held_out_batches(source, batch), registration.recipe.sae.k)


def held_out_batches(source: "ShuffledActivations", batch: int) -> "Iterator[Tensor]":
    for chunk in source.chunks():
        yield from chunk.split(batch)


def _calibration_facts(known: "Calibration | None") -> dict[str, Any] | None:
    if known is None:
        return None
    measured = {"trained": asdict(known.trained), "exported": asdict(known.exported)}
    return measured | {"factor": known.factor, "n_tokens": known.n_tokens}


def codes_equal(read: "SparseDictionary", kept: "SparseDictionary", probe_TD: "Tensor") -> bool:
    """Whether two dictionaries code some activations bit for bit alike."""
    import torch

    found, wanted = read.to("cpu").encode(probe_TD), kept.to("cpu").encode(probe_TD)
    return torch.equal(found.features_TK, wanted.features_TK) and torch.equal(found.acts_TK, wanted.acts_TK)


def _origin(store: OpenStore, registration: SAERegistration, made: BuiltDictionary, known: "Calibration | None"):
    """What the SAELens configuration says of where the dictionary belongs."""
    from models.dictionaries.saelens_format import Provenance

    site, *written = [store.datasets.site(registration, name) for name in registration.recipe.sites]
    return Provenance(
        model_name=registration.model.source,
        hook_name=site,
        hook_name_out=written[0] if written else None,
        context_size=registration.model.context_length,
        dataset=registration.model.corpus_source,
        architecture=made.sae.architecture,
        n_tokens=made.n_tokens,
        l0=known.exported.l0 if known else None,
    )


def _row(store: OpenStore, registration: SAERegistration, made: BuiltDictionary, uri: str) -> "pa.Table":
    from models.interchange.provenance import told

    harvested, asked = store.datasets.harvested(registration), registration.recipe.sae
    return sae_row(
        identity=registration.dictionary_identity,
        corpus_id=registration.corpus_id,
        frame_sha256=harvested.facts["frame_sha256"],
        site=harvested.facts["site"],
        output_site=store.datasets.site(registration, asked.output_site) if asked.output_site else None,
        architecture=made.sae.architecture,
        d_in=made.sae.d_in,
        n_features=made.sae.n_features,
        config=registration.recipe.model_dump_json(by_alias=True),
        n_training_tokens=made.n_tokens,
        seed=registration.recipe.training.seed if asked.learns else None,
        uri=uri,
        origin=made.origin,
        provenance_mismatch=told(made.mismatches),
        code_version=SAE.code_version,
    )
