"""Whether datasets that were made from each other say so: identities along the chain, and rows about other folders."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipelines.integrity.finding import Finding
from pipelines.integrity.folder_check import FolderManifest
from pipelines.registry.identities.differences import differences
from pipelines.store.layout import StoreLayout
from pipelines.store.tables import TableStore
from storage.manifest import DamagedFile

_OWNERS = ("recipe_id", "experiment_id")


def chain_findings(layout: StoreLayout, folders: Iterable[FolderManifest]) -> Iterator[Finding]:
    """Datasets that were made from another dictionary, other activations or another corpus than stand there now."""
    whole = {each.stored.place: each for each in folders if each.manifest is not None}
    for each in whole.values():
        yield from _other_dictionary(whole, each)
        yield from _other_experiment(whole, each)
        yield from _other_rows(layout, whole, each)


def _other_dictionary(whole: Mapping[str, FolderManifest], each: FolderManifest) -> Iterator[Finding]:
    """Tables of a dictionary against its weights, and these against the activations."""
    keys, facts = each.stored.keys, _manifest(each).facts
    if each.stored.table is None:
        source = f"activations/{keys.get('model_id')}/{facts.get('site')}" if "recipe_id" in keys else ""
    else:
        source = f"saes/{keys['model_id']}/{keys['recipe_id']}" if "recipe_id" in keys else ""
    if source in whole and (told := _shared_differences(whole[source], each)):
        what = f"it was not made from what stands in {source} now ({'; '.join(told[:3])})"
        yield Finding(each.stored.place, what, f"`{each.stored.command}`")


def _shared_differences(source: FolderManifest, made: FolderManifest) -> list[str]:
    """What the identity of a dataset says of its source, and the source does not."""
    was, now = _manifest(made).identity, _manifest(source).identity
    if not all(isinstance(was.get(part), dict) and isinstance(now.get(part), dict) for part in ("code", "settings")):
        return []  # imported, or not by a stage
    told = []
    for part in ("code", "settings", "found"):
        shared = was.get(part, {}).keys() & now.get(part, {}).keys()
        told += differences({part: {k: was[part][k] for k in shared}}, {part: {k: now[part][k] for k in shared}})
    return told


def _other_experiment(whole: Mapping[str, FolderManifest], each: FolderManifest) -> Iterator[Finding]:
    """The tables of an experiment are made together: all have the identity of its row of `experiment`."""
    keys = each.stored.keys
    if "experiment_id" not in keys or each.stored.table == "experiment":
        return
    source = f"tables/experiment/model_id={keys['model_id']}/experiment_id={keys['experiment_id']}"
    if source not in whole:
        yield Finding(each.stored.place, f"the experiment has no row in {source}", f"`{each.stored.command}`")
    elif _manifest(whole[source]).identity_sha256 != _manifest(each).identity_sha256:
        what = f"it was made from other cards, prompts or code than {source}"
        yield Finding(each.stored.place, what, f"`{each.stored.command}`")


def _other_rows(layout: StoreLayout, whole: Mapping[str, FolderManifest], each: FolderManifest) -> Iterator[Finding]:
    """Rows that name the files or the identity of another folder, or of their own."""
    keys, table = each.stored.keys, each.stored.table
    named: set[Any]
    if table == "activation_shard":
        source, column = f"activations/{keys['model_id']}/{keys['site']}", "sha256"
        named = {entry.sha256 for entry in _manifest(whole[source]).files} if source in whole else set()
    elif table == "corpus":
        source, column = f"corpora/{keys['corpus_id']}/{keys['frame_sha256'][:16]}", "sha256"
        named = {_manifest(whole[source]).identity_sha256} if source in whole else set()
    elif table == "experiment":
        source, column, named = each.stored.place, "identity_sha256", {_manifest(each).identity_sha256}
    else:
        return
    if source in whole and (there := _column(layout, each, column)) is not None and there != named:
        yield Finding(each.stored.place, f"its {column} is not that of {source}", each.stored.remedy)


def _column(layout: StoreLayout, each: FolderManifest, column: str) -> set[Any] | None:
    """Values of a column; None where the file is damaged, which is a finding of its own."""
    try:
        return {row[column] for row in TableStore(layout).read_rows(each.stored.folder)}
    except (DamagedFile, OSError, KeyError):
        return None


def _manifest(each: FolderManifest):
    assert each.manifest is not None, "of folders that are whole"
    return each.manifest
