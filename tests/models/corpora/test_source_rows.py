"""Rows of JSONL and Parquet: one document a row, in order, and a sentence for everything that is wrong with them."""

import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus_texts import texts_of

from models.corpora.sources import open_source


def texts(spec: object, text_column: str | None = None) -> dict[str, str]:
    """Documents by id, in the order in which the source gave them."""
    return texts_of(open_source(str(spec), text_column=text_column))


ROWS = [{"id": n, "text": f"row {n}: ü\nnext line", "title": f"title {n}"} for n in range(3000)]


@pytest.fixture(params=["jsonl", "parquet"])
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The same 3,000 rows in either format; row 7 has no text and row 8 a blank one."""
    path = tmp_path / f"rows.{request.param}"
    table = [{**row, "text": {7: None, 8: "  "}.get(row["id"], row["text"])} for row in ROWS]
    if request.param == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in table), encoding="utf-8")
    else:
        pq.write_table(pa.Table.from_pylist(table), path, row_group_size=700)
    return path


def test_rows_come_in_their_order_under_their_numbers(rows: Path):
    source = open_source(str(rows))
    given = texts_of(source)
    assert given == {f"{rows.name}#{row['id']}": row["text"] for row in ROWS if row["id"] not in (7, 8)}
    assert list(given) == [f"{rows.name}#{n}" for n in range(3000) if n not in (7, 8)]
    assert source.report.n_documents == 2998
    assert source.report.left_out.names == {"empty": [f"{rows.name}#7", f"{rows.name}#8"]}


def test_the_text_column_is_the_one_named(rows: Path):
    assert texts(rows, "title")[f"{rows.name}#41"] == "title 41"


def test_a_missing_column_is_an_error_that_names_those_there_are(rows: Path):
    with pytest.raises(ValueError, match=r"no column 'body'; its columns are 'id', 'text', 'title'.*text_column"):
        texts(rows, "body")


def test_a_column_without_text_is_an_error(rows: Path):
    with pytest.raises(ValueError, match=r"column 'id' holds int, wanted text"):
        texts(rows, "id")


def test_rows_stop_being_read_when_nobody_asks_for_more(rows: Path):
    drawn = open_source(str(rows)).documents()
    assert next(drawn).document_id == f"{rows.name}#0"
    drawn.close()  # type: ignore[attr-defined]
    rows.unlink()


def test_a_broken_line_is_left_out_and_named(tmp_path: Path):
    (tmp_path / "bad.jsonl").write_text('{"text": "good"}\n\n{"text": broken\n[1, 2]\n{"text": "also"}\n')
    source = open_source(str(tmp_path))
    assert texts_of(source) == {"bad.jsonl#0": "good", "bad.jsonl#3": "also"}
    assert source.report.left_out.names == {"no JSON object": ["bad.jsonl#1", "bad.jsonl#2"]}
    (tmp_path / "bad.jsonl").write_text("[1, 2]\n")
    with pytest.raises(ValueError, match=r"1 left out as no JSON object: bad\.jsonl#0"):
        texts(tmp_path)


def test_a_row_that_is_not_utf8_is_left_out_and_named(tmp_path: Path):
    (tmp_path / "b.jsonl").write_bytes(b'{"text": "kept"}\n' + '{"text": "Käse"}\n'.encode("latin-1"))
    source = open_source(f"{tmp_path}/*.jsonl")
    assert list(texts_of(source).values()) == ["kept"]
    assert source.report.left_out.names == {"not UTF-8": ["b.jsonl#1"]}


def test_a_torn_parquet_file_is_named(tmp_path: Path):
    pl.DataFrame({"text": ["a"]}).write_parquet(tmp_path / "torn.parquet")
    data = (tmp_path / "torn.parquet").read_bytes()
    (tmp_path / "torn.parquet").write_bytes(data[:-9])
    with pytest.raises(ValueError, match=r"torn\.parquet cannot be read as Parquet"):
        texts(tmp_path)
