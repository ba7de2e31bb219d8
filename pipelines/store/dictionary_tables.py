"""The rows that the store holds of one dictionary, whether it was made here or imported, by stretches of features."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.store.store import Store
from storage.folder import Folder
from storage.manifest import Manifest

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds


@dataclass(frozen=True)
class DictionaryTables:
    """Tables of one dictionary; one that no stage has written is empty."""

    store: Store
    model_id: str
    recipe_id: str
    files: ExitStack
    """Keeps what is downloaded of a remote store while it is open: each file is fetched and compared once."""
    _opened: "dict[str, ds.Dataset | None]" = field(default_factory=dict)

    def sae(self) -> dict[str, Any]:
        """Its row of `sae`.

        Raises:
            ValueError: If the store has no such dictionary.
        """
        rows = self._read(self._place("sae"))
        if rows is None:
            if absent := self.store.layout.absence():
                raise ValueError(absent)
            names = ", ".join(map("/".join, self.store.layout.dictionaries())) or "none"
            raise ValueError(
                f"the store {self.store.layout.root} has no dictionary {self.model_id}/{self.recipe_id} (there: "
                f"{names}): correct the names or materialize it"
            )
        [row] = rows.to_table().to_pylist()
        return row

    def model(self) -> dict[str, Any]:
        """Its row of `model`; what is not known is None."""
        rows = self._read(self.store.layout.table_at("model", model_id=self.model_id))
        found = rows.to_table().to_pylist() if rows else []
        return {"source": self.model_id, "d_model": None, "n_layers": None} | (found[0] if found else {})

    def corpus(self, corpus_id: str, frame_sha256: str) -> dict[str, Any] | None:
        """Its row of `corpus`; None where it has none."""
        rows = self._read(self.store.layout.table_at("corpus", corpus_id=corpus_id, frame_sha256=frame_sha256))
        return rows.to_table().to_pylist()[0] if rows else None

    def firings(self) -> dict[int, int]:
        """Firings of every feature.

        Raises:
            ValueError: If nothing was counted yet.
        """
        rows = self._read(self._place("feature"))
        if rows is None:
            raise ValueError(
                f"{self.model_id}/{self.recipe_id} has no features yet: materialize `feature_statistics` first"
            )
        found = rows.to_table(columns=["feature_id", "n_firings"])
        return dict(zip(*(found.column(name).to_pylist() for name in ("feature_id", "n_firings")), strict=True))

    def n_tokens(self) -> int:
        rows = self._read(self._place("feature"))
        return rows.head(1, columns=["n_tokens"]).column(0)[0].as_py() if rows else 0

    def n_intervals(self) -> int:
        """Number of activation intervals of its examples, as `sql/derived/_example_intervals.sql` counts them."""
        rows = self._read(self._place("example"))
        known = rows.to_table(columns=["interval_index"]).column(0).drop_null().to_numpy() if rows else ()
        return int(max(known, default=0)) + 1

    def part(self, first: int, end: int) -> "dict[str, pa.Table]":
        """Rows of every table of features for those from `first` up to `end`."""
        import pyarrow.dataset as ds

        from models.interchange.dashboards.dump import SCHEMAS

        among = (ds.field("feature_id") >= first) & (ds.field("feature_id") < end)
        found = {name: self._table(name, among) for name in SCHEMAS if name != "explanation_score"}
        ids = found["explanation"].column("explanation_id").to_pylist()
        found["explanation_score"] = self._table("explanation_score", ds.field("explanation_id").isin(ids))
        return found

    def _table(self, name: str, among: "ds.Expression") -> "pa.Table":
        """Rows of a table in the columns that an export writes; a column that its files lack is null."""
        import pyarrow as pa

        from models.interchange.dashboards.dump import SCHEMAS

        schema, rows = SCHEMAS[name], self._read(self._place(name))
        if rows is None:
            return schema.empty_table()
        there = [column for column in schema.names if column in rows.schema.names]
        found = rows.to_table(columns=there, filter=among, batch_size=8192, batch_readahead=2, fragment_readahead=1)
        columns = {
            field.name: found.column(field.name).cast(field.type)
            if field.name in there
            else pa.nulls(found.num_rows, field.type)
            for field in schema
        }
        return pa.table(columns, schema=schema)

    def _place(self, name: str) -> Folder:
        return self.store.layout.table_at(name, model_id=self.model_id, recipe_id=self.recipe_id)

    def _read(self, folder: Folder) -> "ds.Dataset | None":
        """A partition as its manifest vouches for it; None where there is none, or it is empty."""
        if folder.url not in self._opened:
            self._opened[folder.url] = self._open(folder)
        return self._opened[folder.url]

    def _open(self, folder: Folder) -> "ds.Dataset | None":
        import pyarrow as pa
        import pyarrow.dataset as ds
        import pyarrow.parquet as pq

        manifest = Manifest.read(folder)
        if manifest is None or not manifest.rows:
            return None
        paths = [str(self.files.enter_context(entry.reading(folder))) for entry in manifest.files if entry.rows]
        return ds.dataset(paths, format="parquet", schema=pa.unify_schemas([pq.read_schema(path) for path in paths]))
