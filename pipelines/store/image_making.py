"""How images of a vision model come to lie in the store: as a corpus, and as activations at positions of each site."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipelines.registry.identities.stages.corpus import CORPUS
from pipelines.registry.registry import SAERegistration
from pipelines.store.current_datasets import why_made
from pipelines.store.harvest_sites import harvest_inputs, missing_sites
from pipelines.store.import_provenance import refuse_other_provenance
from pipelines.store.model_loading import load_preprocessing
from pipelines.store.open_store import OpenStore
from storage.dataset_lock import sole_maker
from storage.manifest import Manifest
from storage.table_schemas import rows_as_table

if TYPE_CHECKING:
    import pyarrow as pa

    from models.images.image_corpus import ImageCorpus
    from models.language_model.sites import Site
    from models.vision_model.token_grid import TokenGrid
    from models.vision_model.vision_model import VisionModel
    from storage.folder import Folder

Report = Callable[[int, int], None]


def make_image_corpus(store: OpenStore, registration: SAERegistration, report: Report) -> tuple[Manifest, str | None]:
    """The images of a vision model as it sees them, and the tables `corpus` and `image`; with why they were made."""
    from models.images.image_corpus import ImageCorpus, write_image_corpus
    from models.images.image_source import ImageColumns, open_images

    card = registration.model.images_seen
    assert card is not None
    frame = store.datasets.framed(registration).facts
    source = open_images(card.source, ImageColumns(card.column, card.label, card.caption))
    hashes = {"source_sha256": source.sha256(), "frame_sha256": frame["preprocessing_sha256"]}
    identity = CORPUS.identity(registration, found=hashes)
    folder = store.layout.corpus(registration.corpus_id, frame["preprocessing_sha256"])
    with sole_maker(folder):
        why, made = why_made(identity, folder), Manifest.find_current(folder, identity)
        if made is None:
            folder.remove()
            preprocessing, smallest = load_preprocessing(registration)
            made = write_image_corpus(
                folder,
                source,
                preprocessing,
                identity,
                spec=card.source,
                max_images=card.max_images,
                smallest_side=smallest,
                report=report,
            )
    keys = {"corpus_id": registration.corpus_id, "frame_sha256": frame["preprocessing_sha256"]}
    store.tables.write(store.layout.table_at("corpus", **keys), _corpus_row(made), identity)
    image_folder = store.layout.table_at("image", **keys)
    if why_made(identity, image_folder):
        store.tables.write(image_folder, image_rows(ImageCorpus.open(folder)), identity)
    return made, why


def _corpus_row(made: Manifest) -> "pa.Table":
    """An image has no tokens: positions are counted site by site, in `activation_site`."""
    facts = made.facts
    row = {name: facts[name] for name in ("source", "n_documents", "n_contexts", "n_held_out")}
    counted = {"n_tokens": 0, "n_special": 0, "n_skipped": 0, "n_near_copies": 0, "n_framed": 0}
    left_out = sum(entry["n"] for entry in facts["left_out"])
    return rows_as_table("corpus", [row | counted | {"n_left_out": left_out, "sha256": made.identity_sha256}])


def image_rows(corpus: "ImageCorpus") -> "pa.Table":
    """Grain: an image of a corpus, with a small picture."""
    import base64

    size = {"view_height": corpus.manifest.facts["height"], "view_width": corpus.manifest.facts["width"]}
    rows = [
        {key: value for key, value in row.items() if key != "thumb"}
        | {"thumb_jpeg": base64.b64encode(row["thumb"]).decode()}
        | size
        for row in corpus.index.to_pylist()
    ]
    return rows_as_table("image", rows)


def harvest_images(
    store: OpenStore, registration: SAERegistration, model: "VisionModel", report: Report
) -> dict[str, str]:
    """Stores activations at the sites that the model's recipes want and that are missing: sites of one grid in one pass
    over the images.

    Returns:
        Why each site was made now.
    """
    from models.activations.harvest import harvest
    from models.activations.image_host import ImageHost
    from models.images.grid_corpus import GridCorpus
    from models.vision_model.receptive_field import receptive_field

    card, seen = registration.model, registration.model.images_seen
    assert seen is not None
    sha256 = store.datasets.framed(registration).facts["preprocessing_sha256"]
    read = harvest_inputs(store, registration, sha256)
    outputs, reasons = missing_sites(store, registration, read, model)
    if not outputs:
        return reasons
    refuse_other_provenance(store, registration)
    images = store.datasets.images(registration)
    for grid, some in _by_grid(model, outputs).items():
        corpus = GridCorpus.of(images, grid, seen.kinds)
        facts = {
            "corpus_id": registration.corpus_id,
            "frame_sha256": sha256,
            "grid": grid.facts(),
            "kinds": list(seen.kinds),
            "receptive_fields": {str(site): receptive_field(model, site).facts() for site in some},
        }
        harvest(ImageHost(model, corpus), corpus, some, facts, report, card.max_norm, card.shard_dtype)
    return reasons


def _by_grid(
    model: "VisionModel", outputs: "dict[Site, tuple[Folder, dict[str, Any]]]"
) -> "dict[TokenGrid, dict[Site, tuple[Folder, dict[str, Any]]]]":
    groups: dict[TokenGrid, dict[Site, tuple[Folder, dict[str, Any]]]] = {}
    for site, output in outputs.items():
        groups.setdefault(model.grid(site), {})[site] = output
    return groups
