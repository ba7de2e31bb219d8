"""What an experiment has measured, kept until all is there: a killed run goes on after the last piece.

Rows of chunks of prompts, and of methods that take all prompts together their intermediate results.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.store.layout import StoreLayout
from storage.folder import Folder
from storage.manifest import Manifest, sha256_of

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ChunkStore:
    """The chunks of one experiment of one identity: a Parquet file a table, and a marker that is written last."""

    folder: Folder

    @classmethod
    def of(cls, layout: StoreLayout, key: str, identity: Mapping[str, Any]) -> "ChunkStore":
        model_id, _, experiment_id = key.partition("/")
        whole = layout.experiment_chunks(model_id, experiment_id)
        return cls(whole / Manifest(dict(identity)).identity_sha256[:16])

    def find(self, number: int) -> "dict[str, pa.Table] | None":
        """The tables of a chunk; None where it was never finished."""
        import pyarrow.parquet as pq

        if not self.folder.exists(self._marker(number)):
            return None
        names = json.loads(self.folder.read_bytes(self._marker(number)))
        tables = {}
        for name in names:
            with self.folder.reading(self._file(number, name)) as path:
                tables[name] = pq.read_table(path)
        return tables

    def write(self, number: int, tables: "Mapping[str, pa.Table]") -> None:
        import pyarrow.parquet as pq

        for name, table in tables.items():
            with self.folder.writing(self._file(number, name)) as path:
                pq.write_table(table, path, compression="zstd")
        self.folder.write_bytes(self._marker(number), json.dumps(sorted(tables)).encode())

    def result(self, name: str, make: "Callable[[], T]") -> "T":
        """An intermediate result of a method that takes all prompts together (`models/experiments/kept_results.py`)."""
        import torch

        file = f"kept-{sha256_of({'name': name})[:24]}.pt"
        if self.folder.exists(file):
            with self.folder.reading(file) as path:
                return torch.load(path, weights_only=True)
        result = make()
        with self.folder.writing(file) as path:
            torch.save(result, path)
        return result

    def remove(self) -> None:
        """Deletes every chunk."""
        self.folder.remove()

    def _marker(self, number: int) -> str:
        return f"chunk-{number:06d}.json"

    def _file(self, number: int, table: str) -> str:
        return f"chunk-{number:06d}-{table}.parquet"


def chunks(n_prompts: int, per_chunk: int | None) -> Sequence[range]:
    """Places of the prompts that are measured together."""
    size = per_chunk or n_prompts
    return [range(start, min(start + size, n_prompts)) for start in range(0, n_prompts, size)]
