"""JSON lines: the same bytes every time, text that PostgreSQL can store, and what is read is what was written."""

import gzip
import json
from pathlib import Path

import pytest

from models.interchange.dashboards.dump import BadDump
from models.interchange.dashboards.jsonl import batches, encode_line, read_lines, write_lines
from models.interchange.dashboards.neuronpedia.activations import interval_shares
from models.interchange.dashboards.neuronpedia.features import phi
from storage.folder import Folder

HOSTILE = [
    "a\0b",
    "\\u0000",
    "\\\\u0000",
    "\\\0",
    '"',
    "<script>",
    "\u202e",
    "\u2028",
    "\n",
    "🙂",
    "é",
    "\x7f",
    "u0000",
]


def as_their_importer_reads(line: bytes) -> dict:
    """It replaces six characters in the text of the line before it parses it."""
    return json.loads(line.decode().replace("\\u0000", " "))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_arrives_but_for_its_nuls(text: str):
    line = encode_line({"tokens": [text, [text]], "inside": {"deep": text}})
    assert line.count(b"\n") == 1
    wanted = text.replace("\0", " ")
    assert as_their_importer_reads(line) == {"tokens": [wanted, [wanted]], "inside": {"deep": wanted}}
    assert json.loads(line) == as_their_importer_reads(line)


def test_files_are_the_same_to_the_byte_and_gzipped_at_level_five(tmp_path: Path):
    lines = [{"index": str(n), "values": [n / 3, n]} for n in range(200)]
    for name in ("a", "b"):
        assert write_lines(Folder(str(tmp_path / name)), "batch-0.jsonl.gz", lines) == 200
    first, second = ((tmp_path / name / "batch-0.jsonl.gz").read_bytes() for name in ("a", "b"))
    assert first == second
    assert first[4:8] == b"\0\0\0\0", "the time of writing is in the file"
    assert first[10:] == gzip.compress(gzip.decompress(first), compresslevel=5)[10:]
    assert [dict(record.values) for record in read_lines(Folder(str(tmp_path / "a")), "batch-0.jsonl.gz")] == lines


def test_gzipped_content_is_known_by_its_bytes(tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes(gzip.compress(b'{"a": 1}\n\n{"a": 2}'))
    (tmp_path / "b.jsonl").write_bytes(b'{"a": 1}\n{"a": 2}\n')
    for name in ("a.jsonl", "b.jsonl"):
        assert [record.values["a"] for record in read_lines(Folder(str(tmp_path)), name, "a")] == [1, 2]


def test_nothing_that_is_no_number_is_written(tmp_path: Path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_lines(Folder(str(tmp_path)), "batch-0.jsonl.gz", [{"value": 1.0}, {"value": float("nan")}])
    assert not list(tmp_path.iterdir())


def test_without_a_line_there_is_no_file(tmp_path: Path):
    assert write_lines(Folder(str(tmp_path)), "batch-0.jsonl.gz", []) == 0
    assert not list(tmp_path.iterdir())


def test_batches_come_by_number(tmp_path: Path):
    for name in ("batch-10.jsonl.gz", "batch-9.jsonl.gz", "batch-0.jsonl", "other.txt"):
        (tmp_path / name).write_text("")
    assert batches(Folder(str(tmp_path))) == ["batch-0.jsonl", "batch-9.jsonl.gz", "batch-10.jsonl.gz"]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{'a': 1}", b'{"a": 1'])
def test_what_is_no_json_names_file_and_line(tmp_path: Path, content: bytes):
    (tmp_path / "x.jsonl").write_bytes(b'{"a": 1}\n' + content)
    with pytest.raises(BadDump, match=r"x.jsonl, line 2: not JSON"):
        list(read_lines(Folder(str(tmp_path)), "x.jsonl"))


def test_a_share_is_of_all_tokens_and_shares_add_up_to_the_density():
    bars = [{"lower": b / 2, "upper": (b + 1) / 2, "n": n} for b, n in enumerate([40, 30, 20, 6, 3, 1])]
    assert interval_shares(bars, 3, 1000) == [0.07, 0.026, 0.004]
    assert interval_shares(bars, 6, 1000) == [n / 1000 for n in (40, 30, 20, 6, 3, 1)]
    assert interval_shares([], 3, 1000) == [None, None, None]


def test_phi_is_the_correlation_of_two_features_that_fire_or_not():
    one, other = [1, 1, 1, 0, 0, 0, 0, 1], [1, 0, 1, 0, 1, 0, 0, 0]
    both, either = sum(map(min, one, other)), sum(map(max, one, other))
    mean, mean_other = sum(one) / 8, sum(other) / 8
    covariance = sum((a - mean) * (b - mean_other) for a, b in zip(one, other, strict=True)) / 8
    pearson = covariance / (mean * (1 - mean) * mean_other * (1 - mean_other)) ** 0.5
    assert phi(both / either, sum(one), sum(other), 8) == pytest.approx(pearson)
    assert phi(0.5, 8, 4, 8) == 0.0
