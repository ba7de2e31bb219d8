"""Rows of models and corpora that imports brought: they go with the last dictionary or experiment that names them.

Both name their model by their place, a dictionary its corpus in its row. One that is damaged, or that an import is
writing, may name any corpus: all of them stay.
"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

from pipelines.store.imported_experiments import ExperimentKey, stored_experiments
from pipelines.store.layout import DictionaryKey, StoreLayout
from pipelines.store.stored_part import StoredPart, readable_manifest
from sql.dropped_partitions import PublishedPartition
from sql.stored_partitions import keys_of
from storage.folder import Folder

_KEYS = {"model": "model_id", "corpus": "corpus_id"}


@dataclass(frozen=True, slots=True)
class SharedNames:
    """Models and corpora that some dictionaries and experiments name."""

    by_table: dict[str, set[str]]
    is_complete: bool
    """Whether the row of every dictionary could be read."""

    @classmethod
    def of(
        cls, layout: StoreLayout, dictionaries: Iterable[DictionaryKey], experiments: Iterable[ExperimentKey]
    ) -> "SharedNames":
        by_table, is_complete = {"model": {model_id for model_id, _ in experiments}, "corpus": set[str]()}, True
        for model_id, recipe_id in dictionaries:
            by_table["model"].add(model_id)
            corpora = _corpora(layout.table_at("sae", model_id=model_id, recipe_id=recipe_id))
            by_table["corpus"] |= corpora or set()
            is_complete &= corpora is not None
        return cls(by_table, is_complete)

    def may_name(self, table: str, name: str) -> bool:
        return name in self.by_table[table] or (table == "corpus" and not self.is_complete)


def orphaned_parts(layout: StoreLayout, removed: Set[DictionaryKey | ExperimentKey]) -> Iterator[StoredPart]:
    """Rows that an import brought for what is removed, and that nothing else names."""
    going, staying = _named(layout, removed, go=True), _named(layout, removed, go=False)
    for table, key in _KEYS.items():
        names = {name for name in going.by_table[table] if not staying.may_name(table, name)}
        for keys in layout.partitions(table) if names else ():
            manifest = readable_manifest(folder := layout.table_at(table, **keys))
            if keys[key] in names and manifest is not None and "import" in manifest.identity:
                place = "/".join(f"{name}={value}" for name, value in keys.items())
                yield StoredPart.of(folder, f"table {table}: {keys[key]}", table, place)


def orphaned_places(
    layout: StoreLayout, removed: Set[DictionaryKey | ExperimentKey], published: Set[PublishedPartition]
) -> frozenset[PublishedPartition]:
    """Published rows of models and corpora that the store has no longer, nor anything that names them: an earlier
    removal took them, and was not published."""
    staying = _named(layout, removed, go=False)
    return frozenset(
        (table, place)
        for table, place in published
        if table in _KEYS
        and not staying.may_name(table, keys_of(place)[_KEYS[table]])
        and not (layout.tables() / table / place).exists()
    )


def _named(layout: StoreLayout, removed: Set[DictionaryKey | ExperimentKey], *, go: bool) -> SharedNames:
    """What is named by what goes, or by what stays."""
    every = (layout.dictionaries(), stored_experiments(layout))
    return SharedNames.of(layout, *([key for key in keys if (key in removed) == go] for keys in every))


def _corpora(folder: Folder) -> set[str] | None:
    """Corpora that the rows of a partition name, whatever their file's sha256; None where they cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    manifest = readable_manifest(folder)
    if manifest is None:
        return None
    corpora: set[str] = set()
    for file in manifest.files:
        try:
            with folder.reading(file.name) as path:
                corpora.update(pq.read_table(path, columns=["corpus_id"]).column("corpus_id").to_pylist())
        except (OSError, ValueError, KeyError, pa.ArrowException):
            return None
    return corpora
