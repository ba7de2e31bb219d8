"""Dictionaries that come in as another house's dump, and go out as one: tables of the store on this side."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pipelines.interchange.imported_rows import ImportedDictionaryRows
from pipelines.interchange.staged_import import StagedImport, staged_parts
from pipelines.registry.cards import checked_id
from pipelines.registry.identities.stages.dashboard_import import DASHBOARD_IMPORT
from pipelines.store.dictionary_tables import DictionaryTables
from pipelines.store.store import Store
from storage.folder import Folder
from storage.manifest import Manifest
from storage.store_lock import shared_use

if TYPE_CHECKING:
    from models.language_model.token_strings import TokenStrings

EXPORTS = ("neuronpedia",)


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: rows of each table, and what was read otherwise than it was written, or not at all."""

    rows: dict[str, int]
    notes: tuple[str, ...]
    again: bool
    """Whether this very dump was there already."""


def export_dictionary(
    store: Store,
    model_id: str,
    recipe_id: str,
    format: str,
    folder: str,
    features: Sequence[int] | None = None,
    created_at: datetime | None = None,
) -> Folder:
    """Writes a dictionary of the store in another house's layout; the same rows give the same bytes.

    Args:
        folder: A local folder or `s3://…`; the layout's own folders are made in it.
        features: Only these.
        created_at: UTC; when the dictionary was made, if not given.

    Returns:
        The folder of the dictionary.

    Raises:
        ValueError: If the store lacks the dictionary or its features, or a feature that is asked for.
    """
    from models.interchange.dashboards.neuronpedia.export_identity import ExportIdentity
    from models.interchange.dashboards.neuronpedia.writer import ExportInput, write

    _known(format, EXPORTS)
    with ExitStack() as files:
        rows = DictionaryTables(store, model_id, recipe_id, files)
        sae, firings = rows.sae(), rows.firings()
        if unknown := sorted(set(features or ()) - firings.keys()):
            raise ValueError(
                f"{model_id}/{recipe_id} has no features {', '.join(map(str, unknown[:10]))}: name some of 0 to "
                f"{max(firings, default=0)}"
            )
        moment = (created_at or sae["created_at"]).isoformat(timespec="milliseconds") + "Z"
        return write(
            ExportInput(
                stamp=ExportIdentity(model_id, recipe_id, sae["site"], sae.get("layer"), moment),
                model=rows.model(),
                corpus=rows.corpus(sae["corpus_id"], sae["frame_sha256"]),
                architecture=sae["architecture"],
                n_features=sae["n_features"],
                n_tokens=rows.n_tokens(),
                n_intervals=rows.n_intervals(),
                firings=firings,
                part=rows.part,
            ),
            Folder(folder),
            features,
        )


def import_dictionary(store: Store, format: str, folder: str, model_id: str, recipe_id: str) -> Imported:
    """Brings a dump into the store as a dictionary, whole or not at all; publishing then takes it up.

    Every line is read, a batch in memory at a time, and a warehouse of the dump alone keeps every rule, before the
    first table is written. The same dump is not read twice; another one under the same names replaces it.

    Args:
        format: A file of `models/interchange/dashboards/importers`.
        folder: A local folder or `s3://…`, as the importer's `FOLDER` says.

    Raises:
        BadDump: If the dump is damaged, incomplete or contradicts itself.
        ValueError: If there is no such format, if the names are taken by a dictionary that was made here, or if the
            dump stores tokens as numbers and the model has no card.
    """
    from models.interchange.dashboards.dump import SCHEMAS, content_sha256
    from models.interchange.dashboards.importer import DumpSource, importer_of

    importer = importer_of(format)
    for name in (model_id, recipe_id):
        checked_id(name)
    _refuse_taken(store, model_id, recipe_id)
    source = Folder(folder)
    identity = {
        "import": format,
        "content": content_sha256(source),
        "sae_id": f"{model_id}/{recipe_id}",
        "code": DASHBOARD_IMPORT.code_version,
    }
    places = {name: store.layout.table_at(name, model_id=model_id, recipe_id=recipe_id) for name in ("sae", *SCHEMAS)}
    if all(Manifest.find_current(place, identity) for place in places.values()):
        found = {name: manifest.rows for name, place in places.items() if (manifest := Manifest.read(place))}
        return Imported(found, (), True)
    dump = importer.read(DumpSource(source, model_id, recipe_id, lambda: _token_strings(store, model_id)))
    with staged_parts(dump) as (parts, highest):
        n_features = dump.about.n_features or highest + 1
        rows = ImportedDictionaryRows(dump.about, format, source.url, identity, model_id, n_features)
        staged = StagedImport(rows, recipe_id, identity, parts)
        staged.check(str(source))
        with shared_use(store.layout.root.url):
            staged.write(store.layout)
    found = {name: manifest.rows for name, place in places.items() if (manifest := Manifest.read(place))}
    return Imported(found, tuple(dump.notes), False)


def _known(format: str, formats: Iterable[str]) -> None:
    if format not in formats:
        raise ValueError(f"format {format!r} is none of {', '.join(formats)}: correct it")


def _refuse_taken(store: Store, model_id: str, recipe_id: str) -> None:
    place = store.layout.table_at("sae", model_id=model_id, recipe_id=recipe_id)
    manifest = Manifest.read(place)
    taken = manifest is not None and "import" not in manifest.identity
    asked = f"{model_id}/{recipe_id}" in store.cards().sae_ids()
    if taken or asked:
        why = "a dictionary that was made here" if taken else "one that the registry asks for"
        raise ValueError(f"{model_id}/{recipe_id} is {why}: import under another recipe id, which no card has")


def _token_strings(store: Store, model_id: str) -> "TokenStrings":
    """Texts of the tokens of a model that has a card."""
    from models.language_model.hooked_model import load_tokenizer
    from models.language_model.token_strings import TokenStrings
    from storage.revisions import is_folder, resolve_revision

    cards = store.cards()
    if model_id not in cards.models:
        raise ValueError(
            f"the dump stores tokens as numbers, and {store.registry_folder}/models/{model_id}.yaml, which would name "
            f"the tokenizer, is not there (known: {', '.join(cards.models) or 'none'}): add the card or name another"
        )
    card = cards.models[model_id]
    revision = None if is_folder(card.source) else resolve_revision(card.source, card.revision)
    return TokenStrings.of(load_tokenizer(card.source, revision))
