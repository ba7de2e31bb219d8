"""Whether a file whose bytes are those that were written can be read as what its name says."""

import json
from pathlib import Path

from storage.manifest import ManifestFile
from storage.table_schemas import table_schema, tables


def format_fault(path: Path, entry: ManifestFile, table: str | None) -> str | None:
    """What is wrong with the content of a file; None where nothing is.

    Args:
        path: A local path that holds its bytes.
        entry: What the manifest says of it.
        table: Of which it holds rows; its columns are then compared with the schema.
    """
    suffix = entry.name.rsplit(".", 1)[-1]
    try:
        if suffix == "parquet":
            return _parquet_fault(path, entry, table)
        if suffix == "safetensors":
            _read_safetensors(path)
        if suffix == "json":
            json.loads(path.read_bytes())
    except Exception as error:  # each library has errors of its own, and any of them is the finding
        return f"it cannot be read as {suffix} ({type(error).__name__}: {str(error).splitlines()[0][:200]})"
    return None


def _parquet_fault(path: Path, entry: ManifestFile, table: str | None) -> str | None:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        rows, schema = file.metadata.num_rows, file.schema_arrow
    if rows != entry.rows:
        return f"it has {rows:,} rows, its manifest says {entry.rows:,}"
    if table not in tables():
        return None
    wanted = table_schema(table)
    there = {column.name: column.type for column in schema}
    wrong = [
        f"{column.name} is {there.get(column.name, 'missing')}, wanted {column.type}"
        for column in wanted
        if there.get(column.name, None if column.nullable else "missing") not in (None, column.type)
    ]
    wrong += [f"{name} is no column of it" for name in there if name not in wanted.names]
    return f"its columns are not those of the table: {'; '.join(wrong)}" if wrong else None


def _read_safetensors(path: Path) -> None:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        for name in list(file.keys()):
            file.get_slice(name).get_shape()
