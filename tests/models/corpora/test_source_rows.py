"""Rows of JSONL and Parquet: one document a row, in order, and a sentence for everything that is wrong with them."""

import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.corpora.sources import open_source


def texts(spec: object, text_column: str | None = None) -> dict[str, str]:
    """Documents by id, in the order in which the source gave them."""
    return {d.document_id: d.text for d in open_source(str(spec), text_column=text_column).documents()}


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
    given = {d.document_id: d.text for d in source.documents()}
    assert given == {f"{rows.name}#{row['id']}": row["text"] for row in ROWS if row["id"] not in (7, 8)}
    assert list(given) == [f"{rows.name}#{n}" for n in range(3000) if n not in (7, 8)]
    assert (source.report.n_documents, source.report.n_empty) == (2998, 2)


def test_the_text_column_is_the_one_named(rows: Path):
    assert texts(rows, "title")[f"{rows.name}#41"] == "title 41"


def test_a_missing_column_is_an_error_that_names_those_there_are(rows: Path):
    with pytest.raises(ValueError, match=r"no column 'body'; its columns are 'id', 'text', 'title'.*text_column"):
        texts(rows, "body")


def test_a_column_without_text_is_an_error(rows: Path):
    with pytest.raises(ValueError, match=r"column 'id' holds [Ii]nt64, wanted text"):
        texts(rows, "id")


def test_rows_stop_being_read_when_nobody_asks_for_more(rows: Path):
    drawn = open_source(str(rows)).documents()
    assert next(drawn).document_id == f"{rows.name}#0"
    drawn.close()  # type: ignore[attr-defined]
    rows.unlink()


def test_a_broken_line_is_named(tmp_path: Path):
    (tmp_path / "bad.jsonl").write_text('{"text": "good"}\n\n{"text": broken\n')
    with pytest.raises(
        ValueError, match=r"bad\.jsonl, line 3: found '\{\"text\": broken.*wanted one JSON object a line"
    ):
        texts(tmp_path)
    (tmp_path / "bad.jsonl").write_text("[1, 2]\n")
    with pytest.raises(ValueError, match=r"bad\.jsonl, line 1: found '\[1, 2\]"):
        texts(tmp_path)


def test_jsonl_that_is_not_utf8_is_left_out_whole_and_reported(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text('{"text": "kept"}\n')
    (tmp_path / "b.jsonl").write_bytes('{"text": "Käse"}\n'.encode("latin-1"))
    source = open_source(f"{tmp_path}/*.jsonl")
    assert [d.text for d in source.documents()] == ["kept"]
    assert source.report.undecodable == ["b.jsonl"]


def test_a_torn_parquet_file_is_named(tmp_path: Path):
    pl.DataFrame({"text": ["a"]}).write_parquet(tmp_path / "torn.parquet")
    data = (tmp_path / "torn.parquet").read_bytes()
    (tmp_path / "torn.parquet").write_bytes(data[:-9])
    with pytest.raises(ValueError, match=r"torn\.parquet cannot be read as Parquet"):
        texts(tmp_path)
