"""File types that hold text, and one rule for their odd rows: text is text, everything else is left out and named."""

import bz2
import csv
import gzip
import json
import lzma
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.corpora.documents import Conversation, Document, PretokenizedDocument
from models.corpora.sources import open_source
from models.corpora.sources.cells import LONGEST_ROW
from models.corpora.sources.row_formats import json_array
from models.corpora.sources.text_files import PIECE

ROWS = ["one", "zwei, ü", 'three "quoted"\nlines']


def read(path: Path, column: str | None = None) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What the documents hold by id, and the names of what was left out by reason."""
    source = open_source(str(path), text_column=column)
    held = {}
    for document in source.documents():
        match document:
            case Document(name, text):
                held[name] = text
            case Conversation(name, messages):
                held[name] = [dict(message) for message in messages]
            case PretokenizedDocument(name, ids):
                held[name] = ids.tolist()
    return held, source.report.left_out.names


def _csv(path: Path, rows: list[str], delimiter: str = ",") -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=delimiter).writerows([["id", "text"], *enumerate(rows)])


def _jsonl(path: Path, rows: list[Any]) -> bytes:
    return "".join(json.dumps({"text": row}) + "\n" for row in rows).encode()


WRITERS: dict[str, Callable[[Path], object]] = {
    "rows.csv": lambda path: _csv(path, ROWS),
    "rows.tsv": lambda path: _csv(path, ROWS, "\t"),
    "rows.json": lambda path: path.write_text(json.dumps([{"text": row, "n": 1} for row in ROWS], indent=1)),
    "lines.json": lambda path: path.write_bytes(_jsonl(path, ROWS)),
    "marked.jsonl": lambda path: path.write_bytes(b"\xef\xbb\xbf" + _jsonl(path, ROWS)),
    "rows.jsonl.gz": lambda path: path.write_bytes(gzip.compress(_jsonl(path, ROWS))),
    "two.jsonl.gz": lambda path: path.write_bytes(
        gzip.compress(_jsonl(path, ROWS[:1])) + gzip.compress(_jsonl(path, ROWS[1:]))
    ),
    "rows.jsonl.bz2": lambda path: path.write_bytes(bz2.compress(_jsonl(path, ROWS))),
    "rows.jsonl.xz": lambda path: path.write_bytes(lzma.compress(_jsonl(path, ROWS))),
    "rows.jsonl.zst": lambda path: _zstd(path, _jsonl(path, ROWS)),
}


def _zstd(path: Path, data: bytes) -> None:
    with pa.CompressedOutputStream(pa.OSFile(str(path), "wb"), "zstd") as file:
        file.write(data)


@pytest.mark.parametrize("name", WRITERS)
def test_each_type_of_file_gives_its_rows(tmp_path: Path, name: str):
    WRITERS[name](tmp_path / name)
    assert read(tmp_path) == ({f"{name}#{n}": row for n, row in enumerate(ROWS)}, {})


def test_a_compressed_text_is_a_text(tmp_path: Path):
    (tmp_path / "book.txt.gz").write_bytes(gzip.compress("Kapitel ä".encode()))
    assert read(tmp_path) == ({"book.txt.gz": "Kapitel ä"}, {})


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("cut.jsonl.gz", gzip.compress(_jsonl(Path(), ROWS * 99))[:-20], "broken gzip"),
        ("not.jsonl.gz", b"no gzip at all", "broken gzip"),
        ("cut.txt.xz", lzma.compress(b"text" * 999)[:-9], "broken xz"),
        ("bomb.txt.bz2", bz2.compress(b"\n" * (1 << 20)) * 256, "bz2 that becomes more than 1,000 times as long"),
        ("config.json", b'{"name": "package", "files": ["a"]}', "JSON without rows"),
        ("numbers.json", b"[1, 2, 3]", "JSON without rows"),
        ("broken.json", b'[{"text": "a"}', "no valid JSON"),
        ("deep.json", b"[" * 100_000, "no valid JSON"),
        ("paper.pdf", b"%PDF-1.7\n\0\0", "binary"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_it_is(tmp_path: Path, name: str, data: bytes, reason: str):
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / name).write_bytes(data)
    held, left_out = read(tmp_path)
    assert held == {"a.txt": "text"}
    assert [why for why, names in left_out.items() if names[0].startswith(name)] == [reason]


ODD = [
    ("12", 12, "no text but int"),
    ("object", {"a": 1}, "no text but dict"),
    ("mixed", ["a", 1], "no text but list of int, str"),
    ("true", True, "no text but bool"),
    ("null", None, "empty"),
    ("blank", " \n", "empty"),
    ("surrogate", "\ud800", "no Unicode text (a lone surrogate)"),
    ("image part", [{"role": "user", "content": [{"type": "image"}]}], "no text but list of dict"),
    ("negative ids", [3, -1], "token ids outside of 0 … 2^31"),
]


@pytest.mark.parametrize("place", [0, 1, 2000])
@pytest.mark.parametrize(("case", "cell", "reason"), ODD, ids=[case for case, *_ in ODD])
def test_an_odd_row_is_left_out_wherever_it_stands(tmp_path: Path, place: int, case: str, cell: Any, reason: str):
    rows: list[Any] = [f"row {n}" for n in range(2001)]
    rows[place] = cell
    (tmp_path / "rows.jsonl").write_bytes(_jsonl(tmp_path, rows))
    held, left_out = read(tmp_path)
    assert held == {f"rows.jsonl#{n}": f"row {n}" for n in range(2001) if n != place}
    assert left_out == {reason: [f"rows.jsonl#{place}"]}


@pytest.mark.parametrize("place", [0, 1, 2000])
def test_a_row_of_parquet_that_is_not_utf8_is_left_out_and_named(tmp_path: Path, place: int):
    rows = [f"row {n}".encode() for n in range(2001)]
    rows[place] = b"K\xe4se"
    column = pa.Array.from_buffers(pa.string(), 2001, pa.array(rows, pa.binary()).buffers())
    pq.write_table(pa.table({"text": column}), tmp_path / "rows.parquet")
    held, left_out = read(tmp_path)
    assert len(held) == 2000
    assert left_out == {"not UTF-8": [f"rows.parquet#{place}"]}


def test_a_column_that_is_there_twice_is_refused_by_name(tmp_path: Path):
    column = pa.array(["a"])
    pq.write_table(pa.Table.from_arrays([column, column], names=["text", "text"]), tmp_path / "twice.parquet")
    with pytest.raises(ValueError, match=r"twice\.parquet has 2 columns named 'text', wanted one"):
        read(tmp_path)
    (tmp_path / "twice.parquet").unlink()
    (tmp_path / "twice.csv").write_text("text,text\na,b\n")
    with pytest.raises(ValueError, match=r"twice\.csv has 2 columns named 'text', wanted one"):
        read(tmp_path)


def test_a_missing_column_in_csv_names_those_there_are(tmp_path: Path):
    (tmp_path / "rows.csv").write_text("id;text\n1;a\n")
    with pytest.raises(ValueError, match=r"rows\.csv has no column 'text'; its columns are 'id;text'"):
        read(tmp_path)


def test_conversations_are_read_from_either_spelling(tmp_path: Path):
    first = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    second = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
    path = tmp_path / "chat.jsonl"
    path.write_text("\n".join(json.dumps({"messages": row}) for row in (first, second)))
    held, left_out = read(path, "messages")
    assert held["chat.jsonl#0"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]
    assert held["chat.jsonl#1"] == [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    assert left_out == {}


def test_token_ids_are_read_from_parquet(tmp_path: Path):
    pq.write_table(pa.table({"input_ids": [[1, 2, 3], [], [4]]}), tmp_path / "ids.parquet")
    held, left_out = read(tmp_path / "ids.parquet", "input_ids")
    assert held == {"ids.parquet#0": [1, 2, 3], "ids.parquet#2": [4]}
    assert left_out == {"empty": ["ids.parquet#1"]}


def test_a_long_row_becomes_pieces_as_a_file_does(tmp_path: Path):
    text = "".join(f"line {n}\n" for n in range(9000))
    (tmp_path / "rows.jsonl").write_bytes(_jsonl(tmp_path, ["short", text]))
    held, _ = read(tmp_path)
    pieces = [held[f"rows.jsonl#1.{n}"] for n in range(len(held) - 1)]
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= PIECE
    assert held["rows.jsonl#0"] == "short"


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_a_row_beyond_the_limit_is_left_out(tmp_path: Path, name: str):
    rows = ["a", "x" * (LONGEST_ROW + 1), "b"]
    if name == "rows.jsonl":
        (tmp_path / name).write_bytes(_jsonl(tmp_path, rows))
    else:
        pq.write_table(pa.table({"text": rows}), tmp_path / name)
    assert read(tmp_path) == ({f"{name}#0": "a", f"{name}#2": "b"}, {"longer than 16 MiB": [f"{name}#1"]})


def test_memory_does_not_grow_with_a_line_that_is_too_long(tmp_path: Path):
    with (tmp_path / "rows.jsonl").open("wb") as file:
        file.write(b'{"text": "' + b"x" * (100 << 20) + b'"}\n{"text": "kept"}\n')
    tracemalloc.start()
    held, _ = read(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held == {"rows.jsonl#1": "kept"}
    assert peak < 4 * LONGEST_ROW


MEASURE = """
import sys
import pyarrow as pa
from models.corpora.sources import open_source
for place in sys.argv[1:]:
    n = sum(1 for _ in open_source(place).documents())
    print(n, pa.default_memory_pool().max_memory())
"""


@pytest.mark.slow
def test_parquet_of_long_rows_needs_little_memory_and_of_equal_ones_less(tmp_path: Path):
    """The most bytes that Arrow held at once, in a process of its own: of 200 MB in a small file, then of 100 MB."""
    (small := tmp_path / "small").mkdir()
    equal = pa.DictionaryArray.from_arrays(pa.array([0] * 200, pa.int32()), ["x" * (1 << 20)])
    pq.write_table(pa.table({"text": equal}), small / "rows.parquet", compression="zstd", store_schema=False)
    assert (small / "rows.parquet").stat().st_size < 1 << 16
    (large := tmp_path / "large").mkdir()
    rng = np.random.default_rng(0)
    rows = [rng.bytes(1 << 17).hex() for _ in range(400)]
    pq.write_table(pa.table({"text": rows}), large / "rows.parquet", use_dictionary=False, write_batch_size=4)
    command = [sys.executable, "-c", MEASURE, str(small), str(large)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    (n_equal, peak_of_equal), (n, peak) = (map(int, line.split()) for line in told)
    assert (n_equal, n) == (200 * (1 << 20) // PIECE, 400 * (1 << 18) // PIECE)
    assert peak_of_equal < 8 << 20
    assert peak < 64 << 20


def test_a_json_array_is_read_row_by_row(tmp_path: Path):
    """40 MB, of which a few are held: read whole they were 90 and more."""
    path, text = tmp_path / "rows.json", "w" * 4_000
    with path.open("w") as file:
        file.write("[")
        file.writelines(f'{"," if n else ""}\n {{"id": {n}, "text": "{n} {text}"}}' for n in range(10_000))
        file.write("\n]\n")
    tracemalloc.start()
    n = sum(1 for _ in open_source(str(path)).documents())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 10_000
    assert peak < 12 << 20


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_a_json_array_is_the_same_wherever_it_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int):
    rows = [
        {"n": 123.5e-2, "text": 'a "quoted" \u00fc \\'},
        [1, {"text": "no row"}],
        {"text": "b]", "x": [{}, []]},
        7,
        {},
    ]
    monkeypatch.setattr(json_array, "BLOCK", block)
    (tmp_path / "a.json").write_text(f" \n{json.dumps(rows, indent=2)} \n")
    assert list(json_array._values(tmp_path / "a.json")) == rows
    held, left_out = read(tmp_path)
    assert held == {"a.json#0": rows[0]["text"], "a.json#2": "b]"}
    assert left_out == {"no JSON object": ["a.json#1", "a.json#3"], "rows without 'text'": ["a.json#4"]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"text": "a"}, {"text": "b"}', "no valid JSON"),
        ('[{"text": "a"} {"text": "b"}]', "no valid JSON"),
        ('[{"text": "a"}, {"text": }]', "no valid JSON"),
        ('[{"text": "a"}] and more', "no valid JSON"),
        ('[{"text": "a"},]', "no valid JSON"),
        ("hello", "no valid JSON"),
        ("", "no valid JSON"),
        ("[]", "JSON without rows"),
        ("[ ]", "JSON without rows"),
        ('"text"', "JSON without rows"),
        ("[" + '{"text": ' * 60_000, "no valid JSON"),
    ],
)
def test_an_array_that_breaks_off_is_left_out_whole(tmp_path: Path, text: str, reason: str):
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "b.json").write_text(text)
    held, left_out = read(tmp_path)
    assert held == {"a.txt": "text"}
    assert left_out == {reason: ["b.json#0"]}
