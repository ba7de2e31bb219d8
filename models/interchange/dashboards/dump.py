"""Contents of an imported feature dump: metadata of the SAE, and rows of the warehouse's tables in parts."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from storage.folder import Folder
from storage.table_schemas import rows_as_table, table_schema

UNKNOWN = "unknown"
"""Stands in a text column where the dump does not say; numbers that it does not say are null."""

SCHEMAS: dict[str, pa.Schema] = {
    table: table_schema(table)
    for table in (
        "feature",
        "activation_histogram",
        "example",
        "logit_effect",
        "neighbor",
        "explanation",
        "explanation_score",
    )
}
"""Columns of the tables that an import may write, without their partition's keys."""

Part = dict[str, pa.Table]
"""Rows by table: those of one file of a dump."""


class BadDump(ValueError):
    """A dump is damaged, incomplete or contradicts itself. Nothing of it is taken; mend or fetch it again."""


@dataclass(frozen=True, slots=True)
class DumpInfo:
    """What a dump says of the dictionary as a whole, and nothing that it does not say."""

    model: str
    """Name of the language model, as the dump has it."""
    site: str
    """Where the dictionary reads, in this house's words; `unknown` where the dump has a word that is none of them."""
    n_tokens: int
    """Tokens that were looked at."""
    config: dict[str, Any]
    """The dump's own settings, as they stand."""
    layer: int | None = None
    n_layers: int | None = None
    d_model: int | None = None
    d_in: int | None = None
    n_features: int | None = None
    """Latents, where the dump says how many; else one more than the highest that it names."""
    n_contexts: int | None = None
    context_length: int | None = None
    dataset: str | None = None


@dataclass(frozen=True, slots=True)
class FeatureDump:
    """A dump that is open: its facts, and its parts, of which one at a time is in memory."""

    about: DumpInfo
    parts: Iterable[Part]
    notes: list[str] = field(default_factory=list)
    """What was read otherwise than it was written, or not at all; complete once the parts are read."""
    left_out: set[str] = field(default_factory=set)
    """Tables that are not to be taken after all; complete once the parts are read."""


def without_histogram(uncounted: int, n_features: int) -> str:
    """The note on a dictionary whose histogram is left out, because it would not add up."""
    return (
        f"{uncounted:,} of {n_features:,} features have bars that do not count their firings: the dictionary has no "
        "histogram"
    )


def table(name: str, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows of a table; keys that are left out are null."""
    return rows_as_table(name, rows)


def explanation_id(sae_id: str, name: str) -> str:
    """A name for an explanation that no other dictionary's can have, from the name that it has in the dump."""
    return hashlib.sha256(f"{sae_id}\0{name}".encode()).hexdigest()[:16]


def content_sha256(folder: Folder, inside: str = "") -> str:
    """Hash of the names and bytes of all files of a dump, however many folders deep."""
    lines = sorted(f"{name} {sha}" for name, sha in _hashes(folder, inside))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _hashes(folder: Folder, inside: str) -> Iterator[tuple[str, str]]:
    for name in folder.names():
        with folder.reading(name) as path, path.open("rb") as file:
            yield f"{inside}{name}", hashlib.file_digest(file, "sha256").hexdigest()
    for name in folder.folders():
        yield from _hashes(folder / name, f"{inside}{name}/")
