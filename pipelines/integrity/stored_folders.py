"""Every folder of the store that holds a dataset, whole or half made, and which command makes it again."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.store.layout import StoreLayout
from storage.folder import Folder

_ROWS_OF_REQUESTS = {"explain": "explanation", "specificity": "specificity"}
"""The table that is written after the requests of a purpose; after those of a scorer it is `explanation_score`."""


@dataclass(frozen=True, slots=True)
class StoredFolder:
    """A folder with the files of one dataset, or of one partition of a table."""

    folder: Folder
    place: str
    """Relative to the store."""
    table: str | None = None
    keys: dict[str, str] = field(default_factory=dict)
    """What the partition's name says, or the model and the recipe that the folder belongs to."""

    @property
    def command(self) -> str:
        """Makes it, once it is not there."""
        options = [f"--{key} {self.keys[f'{key}_id']}" for key in ("model", "recipe") if f"{key}_id" in self.keys]
        if "experiment_id" in self.keys:
            return " ".join(["glasshouse experiment", self.keys["experiment_id"], *options])
        return " ".join(["glasshouse run", *options])

    @property
    def remedy(self) -> str:
        """What somebody does who finds it damaged."""
        return f"delete {' and '.join(self._goes)}, then `{self.command}` (an import: `glasshouse import`)"

    @property
    def _goes(self) -> list[str]:
        if self.table != "llm_request":
            return [self.folder.url]
        purpose, names = self.keys["purpose"], [f"{key}={self.keys[key]}" for key in ("model_id", "recipe_id")]
        written = _ROWS_OF_REQUESTS.get(purpose, "explanation_score")
        return [self.folder.url, f"tables/{written}/{'/'.join(names)}"]


def stored_folders(layout: StoreLayout) -> Iterator[StoredFolder]:
    """Corpora, activations, dictionaries and the partitions of every table, in this order."""
    for kind, keys in (("corpora", ("corpus_id", "frame")), ("activations", ("model_id", "site"))):
        yield from _two_levels(layout, kind, keys)
    yield from _two_levels(layout, "saes", ("model_id", "recipe_id"))
    for table in layout.tables().folders():
        for keys in layout.partitions(table):
            folder = layout.table_at(table, **keys)
            yield StoredFolder(folder, _place(layout, folder), table, keys)


def _two_levels(layout: StoreLayout, kind: str, names: tuple[str, str]) -> Iterator[StoredFolder]:
    for first in (layout.root / kind).folders():
        for second in (layout.root / kind / first).folders():
            folder = layout.root / kind / first / second
            yield StoredFolder(folder, _place(layout, folder), keys=dict(zip(names, (first, second), strict=True)))


def _place(layout: StoreLayout, folder: Folder) -> str:
    return folder.url.removeprefix(layout.root.url.rstrip("/") + "/")
