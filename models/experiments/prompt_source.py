"""Rows of a prompt set that lie in a file (JSONL, JSON, CSV, Parquet), in a data set of the hub or in Python itself."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from models.experiments.prompt import InvalidPrompt
from models.numerics.hash_sampling import hash_rank
from storage.folder import Folder

MOST_BYTES = 512 * 2**20
READABLE = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")


def read_rows(source: str, columns: Mapping[str, str], most: int | None) -> list[dict[str, Any]]:
    """Rows with the columns of a prompt set.

    Args:
        source: A file, `hf:name[/config][:split]`, `stdlib-functions` or `stdlib-pieces`.
        columns: The source's name for each column that it calls otherwise; columns that a prompt set does not have
            are left out.
        most: Rows that are read at most.

    Raises:
        InvalidPrompt: If the file is not there, cannot be read or lacks a column that `columns` names.
    """
    from models.experiments.prompt import COLUMNS

    names = {name: columns.get(name, name) for name in COLUMNS}
    rows = []
    for number, row in enumerate(islice(_rows(source), most)):
        if lacking := [name for name in columns.values() if name not in row]:
            known = ", ".join(map(str, row)) or "none"
            raise InvalidPrompt(f"{source}, row {number}: no column {', '.join(lacking)}; it has {known}")
        rows.append({name: row[there] for name, there in names.items() if there in row})
    return rows


def drawn_by_label(rows: Sequence[dict[str, Any]], most: int | None) -> list[dict[str, Any]]:
    """As many rows of each label at most, drawn by a hash of their text, in the order in which they came."""
    if most is None:
        return list(rows)
    taken, kept = Counter(), set[int]()
    for place in sorted(range(len(rows)), key=lambda place: hash_rank(str(rows[place].get("prompt")), "drawn")):
        label = rows[place].get("label")
        taken[label] += 1
        if taken[label] <= most:
            kept.add(place)
    return [row for place, row in enumerate(rows) if place in kept]


def _rows(source: str) -> Iterator[Mapping[str, Any]]:
    if source.startswith("hf:"):
        from models.corpora.sources.hf_datasets import HubDataset

        yield from HubDataset.parse(source, "prompt").rows()
        return
    if source == "stdlib-functions":
        from models.corpora.sources.stdlib_functions import stdlib_functions

        yield from stdlib_functions()
        return
    if source == "stdlib-pieces":
        from models.corpora.sources.stdlib_pieces import stdlib_pieces

        yield from stdlib_pieces()
        return
    folder, _, name = source.rpartition("/")
    place, suffix = Folder(folder or "."), Path(name).suffix.lower()
    if suffix not in READABLE:
        raise InvalidPrompt(
            f"{source} is no file of prompts: name one that ends in {', '.join(READABLE)}, hf:…, "
            "stdlib-functions or stdlib-pieces"
        )
    if not place.exists(name):
        raise InvalidPrompt(f"{source} is not there: correct `source` in the prompt set's card")
    if place.size(name) > MOST_BYTES:
        raise InvalidPrompt(f"{source} is larger than {MOST_BYTES / 2**20:,.0f} MB: keep the rows that are asked about")
    with place.reading(name) as path:
        yield from _file_rows(path, suffix, source)


def _file_rows(path: Path, suffix: str, source: str) -> Iterator[Mapping[str, Any]]:
    if suffix in (".jsonl", ".ndjson"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                yield _object(line, f"{source}, line {number}")
    elif suffix == ".json":
        whole = _parsed(path.read_text(encoding="utf-8"), source)
        if not isinstance(whole, list) or not all(isinstance(row, dict) for row in whole):
            raise InvalidPrompt(f"{source} is no list of objects: write [{{…}}, {{…}}], or JSON lines")
        yield from whole
    else:
        import polars as pl

        try:
            table = pl.read_csv(path, infer_schema=False) if suffix == ".csv" else pl.read_parquet(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise InvalidPrompt(
                f"{source} cannot be read ({str(error).splitlines()[0]}): write the file anew"
            ) from error
        yield from table.iter_rows(named=True)


def _object(text: str, where: str) -> Mapping[str, Any]:
    value = _parsed(text, where)
    if not isinstance(value, dict):
        raise InvalidPrompt(f'{where}: found a {type(value).__name__}, wanted an object such as {{"prompt": "…"}}')
    return value


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidPrompt(f"{where}: not JSON ({error}): mend it") from error
