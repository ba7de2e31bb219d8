"""Attribution graphs that another tool drew: tables of the store on this side, as those of an experiment."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipelines.interchange.graph_fit import TranscoderNames, refuse_other_model
from pipelines.interchange.import_check import refuse_unpublishable
from pipelines.interchange.imported_graph_rows import ImportedGraphRows
from pipelines.registry.cards import checked_id, is_id
from pipelines.registry.identities.stages.graph_import import GRAPH_IMPORT
from pipelines.store.layout import StoreLayout
from pipelines.store.store import Store
from pipelines.store.tables import TableStore
from storage.dataset_lock import sole_maker
from storage.folder import Folder
from storage.manifest import Manifest
from storage.store_lock import shared_use

FORMAT = "graph"
SUFFIX = ".json"
_LAST = "experiment"
"""The table that says that the others are whole."""


@dataclass(frozen=True, slots=True)
class ImportedGraph:
    """What an import did."""

    experiment_id: str
    rows: Mapping[str, int]
    scan: str
    """What the file calls model and transcoders."""
    again: bool
    """Whether this very file was there already."""


def import_graph(
    store: Store, path: str, model_id: str, recipe_id: str | None = None, experiment_id: str | None = None
) -> ImportedGraph:
    """Brings the graph of a file into the store, whole or not at all; publishing then takes it up.

    Args:
        path: A file, local or `s3://…`, of circuit-tracer, Neuronpedia or Glasshouse.
        recipe_id: The transcoders of the store to which its features belong: a recipe, or the card of a set. Left out,
            features are numbers, and lead to no page.
        experiment_id: Under which name; left out, that of the file.

    Raises:
        AbsentFolder: If there is no such file.
        ValueError: If it is no graph, a damaged one, of a newer version, of another model or of other transcoders; or
            if the name is taken.
    """
    from models.interchange.graph_json import read_graph_json

    name = experiment_id or _name_of(path)
    for each in (model_id, name):
        checked_id(each)
    content = _content(path)
    identity = {
        "import": FORMAT,
        "content": hashlib.sha256(content).hexdigest(),
        "experiment": f"{model_id}/{name}",
        "recipe": recipe_id,
        "code": GRAPH_IMPORT.code_version,
    }
    _refuse_taken(store, model_id, name)
    graph = read_graph_json(_parsed(path, content))
    refuse_other_model(store, model_id, graph, path)
    names = TranscoderNames.of(store, model_id, recipe_id)
    rows = ImportedGraphRows(graph, names, path, identity)
    again = Manifest.find_current(store.layout.table_at(_LAST, model_id=model_id, experiment_id=name), identity)
    if again is None:
        alone = replace(rows, names=TranscoderNames())  # the dictionaries stand in the store alone
        refuse_unpublishable(path, lambda layout: _write(layout, alone, model_id, name))
        with shared_use(store.layout.root.url):
            _write(store.layout, rows, model_id, name)
    return ImportedGraph(name, rows.counts, graph.file.metadata.scan, again is not None)


def _write(layout: StoreLayout, rows: ImportedGraphRows, model_id: str, name: str) -> None:
    tables, model = TableStore(layout), layout.table_at("model", model_id=model_id)
    if Manifest.read(model) is None:
        tables.write(model, rows.model(model_id), rows.identity)
    made, facts = rows.tables(), {"recipe_ids": rows.recipe_ids}
    folders = {table: layout.table_at(table, model_id=model_id, experiment_id=name) for table in made}
    with sole_maker(folders[_LAST]):
        places = {table: folders[table] for table in sorted(made, key=lambda each: each == _LAST)}
        tables.write_together(places, made, rows.identity, facts)


def _name_of(path: str) -> str:
    name = path.rstrip("/").rpartition("/")[2].removesuffix(SUFFIX).lower().replace(" ", "-")
    if not is_id(name):
        raise ValueError(f"{path}: its name is no id of an experiment: give one by --experiment")
    return name


def _content(path: str) -> bytes:
    folder, _, name = path.rpartition("/")
    at = Folder(folder or ".")
    at.require("the folder of the graph", "name a file of it, or s3://…")
    if not at.exists(name):
        raise ValueError(f"there is no file {path}: name the JSON of an attribution graph")
    return at.read_bytes(name)


def _parsed(path: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no JSON, or was cut off ({error}): write it again") from error


def _refuse_taken(store: Store, model_id: str, name: str) -> None:
    manifest = Manifest.read(store.layout.table_at(_LAST, model_id=model_id, experiment_id=name))
    key, why = f"{model_id}/{name}", None
    if manifest is not None and "import" not in manifest.identity:
        why = "an experiment that was made here"
    elif key in store.cards().experiment_keys():
        why = "an experiment that the registry asks for"
    elif (model_id, name) in store.layout.dictionaries():
        why = "a dictionary"
    if why:
        raise ValueError(f"{key} is {why}: give the graph another name by --experiment")
