"""A dump that is damaged, incomplete or contradicts itself is refused in one sentence, and nothing of it stays."""

import gzip
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from door_house import exported_house, house, lines

from models.interchange.dashboards.dump import BadDump
from pipelines.interchange.import_export import import_dictionary

Lines = list[dict[str, Any]]
Change = Callable[[Path], Any]
FEATURES, ACTIVATIONS = "features/batch-0.jsonl.gz", "activations/batch-0.jsonl.gz"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported_house(tmp_path_factory.mktemp("from"))[1]


def features(change: Callable[[Lines], Any]) -> Change:
    return lambda dump: tampered(dump / FEATURES, change)


def activations(change: Callable[[Lines], Any]) -> Change:
    return lambda dump: tampered(dump / ACTIVATIONS, change)


def tampered(path: Path, change: Callable[[Lines], Any]) -> None:
    found = lines(path)
    change(found)
    path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in found).encode()))


def raw(name: str, change: Callable[[bytes], bytes]) -> Change:
    return lambda dump: (dump / name).write_bytes(change((dump / name).read_bytes()))


def unsaid(text: bytes) -> bytes:
    """A source that does not say how many tokens were looked at."""
    return re.sub(rb'"num_prompts":\d+', b'"num_prompts":null', text.replace(b"Exported", b"Copied"))


EXPLANATIONS = "explanations/batch-0.jsonl.gz"


def explanations(change: Callable[[Lines], Any]) -> Change:
    return lambda dump: tampered(dump / EXPLANATIONS, change)


def score_of_nobody(lines: Lines) -> None:
    lines[0]["scores"][0]["value"] = -7


BAD: list[tuple[Change, str]] = [
    (features(lambda f: [x.pop("frac_nonzero") for x in f]), r"features/batch-0\S* line 1: frac_nonzero missing"),
    (features(lambda f: f[3].pop("pos_str")), r"line 4: other keys than the first line's: missing pos_str; besid"),
    (activations(lambda a: a[2].update(more=1)), r"activations/\S* line 3: other keys .*besides more"),
    (activations(lambda a: a[4]["values"].pop()), r"line 5: tokens has 5 entries, values has 4"),
    (features(lambda f: f[1]["pos_str"].append("x")), r"line 2: pos_str has 2 entries, pos_values has 1"),
    (activations(lambda a: a[0]["values"].__setitem__(0, float("nan"))), r"line 1: found NaN, wanted a finite"),
    (features(lambda f: f[0].update(frac_nonzero=float("inf"))), r"line 1: found Infinity"),
    (features(lambda f: f[0].update(frac_nonzero=1.5)), r"line 1: frac_nonzero is 1.5, wanted .* 0 to 1"),
    (features(lambda f: f[7].update(index="12")), r"line 8: index is '12', wanted one of 0 to 11"),
    (features(lambda f: f[7].update(index="-1")), r"line 8: index is '-1', wanted a whole number"),
    (features(lambda f: f[7].update(index="3")), r"line 8: index 3 stands a second time"),
    (features(lambda f: f.pop(5)), r"activations/\S* line \d+: index 5 has no line under features"),
    (features(lambda f: f[2].update(layer="3-x")), r"line 3: layer is '3-x', source.jsonl says '2-mid'"),
    (features(lambda f: f[0]["topkCosSimValues"].__setitem__(0, 7)), r"topkCosSimValues\[0\] is 7, wanted"),
    (activations(lambda a: a[0].update(qualifyingTokenIndex=5)), r"qualifyingTokenIndex is 5, wanted one of 0"),
    (activations(lambda a: a.append(a[0])), r"index 0 comes a second time, after others: sort"),
    (activations(lambda a: a[1]["tokens"].__setitem__(0, 3)), r"line 2: tokens\[0\] is 3, wanted text"),
    (raw(FEATURES, gzip.decompress), r"features/batch-0.jsonl.gz: the name says gzip, but it begins with b'\{\"'"),
    (
        raw(ACTIVATIONS, lambda b: b[: len(b) // 2]),
        r"activations/batch-0.jsonl.gz: the gzip stream breaks off .* after line \d+",
    ),
    (raw(ACTIVATIONS, lambda b: b[:40] + bytes([b[40] ^ 255]) + b[41:]), r"activations/batch-0.jsonl.gz"),
    (raw(FEATURES, lambda b: gzip.compress(b"[1]\n")), r"line 1: found list, wanted an object"),
    (raw(FEATURES, lambda b: gzip.compress(b'{"a": \n')), r"line 1: not JSON"),
    (raw("source.jsonl", lambda b: b + b), r"source.jsonl has 2 lines, wanted one"),
    (raw("source.jsonl", unsaid), r"num_prompts is None, num_tokens_in_prompt 16, wanted both"),
    (lambda dump: (dump / "source.jsonl").unlink(), r"2-mid holds .*features/.*, wanted source.jsonl and features"),
    (
        lambda dump: shutil.rmtree(dump / "features"),
        r"wanted source.jsonl and features/batch-0.jsonl.gz: name the folder",
    ),
    (
        explanations(lambda e: e.append(e[0])),
        r"explanations/\S* line 12: id '\w+' stands a second time \(first in \S* line 1",
    ),
    (explanations(lambda e: e[3].update(id=e[2]["id"])), r"explanations/\S* line 4: id \S* stands a second time"),
    (
        explanations(lambda e: e[0]["scores"].append(e[0]["scores"][0])),
        r"contradicts .*grain_of_explanation_score .*stands 2 times",
    ),
    (explanations(score_of_nobody), r"does not fit the warehouse, table explanation_score.*nothing of it is stored"),
    (lambda dump: (dump / "features" / "batch-0.jsonl").write_text(""), r"batch-0 both gzipped and plain: remove one"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message[:50] for _, message in BAD])
def test_a_damaged_dump_is_refused_and_nothing_of_it_stays(source: Path, tmp_path: Path, change: Change, message: str):
    copied = Path(shutil.copytree(source, tmp_path / "2-mid"))
    change(copied)
    store = house(tmp_path / "home")
    with pytest.raises(BadDump, match=message):
        import_dictionary(store, "neuronpedia", str(copied), "demo", "mid")
    assert not (tmp_path / "home").exists()


def test_a_bad_dump_leaves_what_an_earlier_one_left(source: Path, tmp_path: Path):
    store = house(tmp_path / "home")
    import_dictionary(store, "neuronpedia", str(source), "demo", "mid")
    before = {path: path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()}
    copied = Path(shutil.copytree(source, tmp_path / "2-mid"))
    explanations(lambda e: e[0]["scores"].append(e[0]["scores"][0]))(copied)
    with pytest.raises(BadDump, match="nothing of it is stored"):
        import_dictionary(store, "neuronpedia", str(copied), "demo", "mid")
    assert {path: path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("index", "note"),
    [
        (-1, None),
        pytest.param(None, None, marks=pytest.mark.slow),
        (
            77,
            r"1 of \d+ windows were left out, the first because .*line 1: qualifyingTokenIndex is 77, wanted one of 0",
        ),
    ],
)
def test_an_odd_window_of_another_house_refuses_nothing(
    source: Path, tmp_path: Path, index: int | None, note: str | None
):
    copied = Path(shutil.copytree(source, tmp_path / "2-mid"))
    raw("source.jsonl", lambda text: text.replace(b"Exported", b"Copied"))(copied)
    n = len(lines(copied / ACTIVATIONS))
    activations(lambda a: a[0].update(qualifyingTokenIndex=index))(copied)
    done = import_dictionary(house(tmp_path / "home"), "neuronpedia", str(copied), "demo", "mid")
    assert done.rows["example"] == n - (note is not None)
    told = [one for one in done.notes if "windows" in one]
    assert len(told) == (note is not None)
    assert note is None or re.match(note, told[0])
