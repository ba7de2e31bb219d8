"""People's labels in the registry: what a file may hold, and that nobody's label is lost when two write at once."""

import csv
import threading
from pathlib import Path

import pytest

from models.autointerp.human_labels import HumanLabel
from pipelines.registry.cards import InvalidCard
from pipelines.registry.human_label_files import LabelConflict, labels_of, read_label_files, read_labels, write_label
from pipelines.registry.registry import Registry
from storage.folder import Folder

HEAD = "feature,label,author,written_at\n"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "m").mkdir()
    return Folder(str(tmp_path))


def given(folder: Folder, text: str) -> None:
    (Path(folder.path) / "m" / "r.csv").write_text(text)


def always(_: tuple[HumanLabel, ...]) -> bool:
    return True


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "line 1: found the columns nothing"),
        ("feature,text\n", "line 1: found the columns feature, text"),
        (HEAD + "7,import, anna, 2026-11-29\n-1,x,,\n", "line 3: feature = '-1'"),
        (HEAD + "7,a,b,c,d\n", "line 2: the line has more or fewer cells"),
        (HEAD + "7\n", "line 2: the line has more or fewer cells"),
        ("feature,label,dictionary\n7,import,new\n", "line 2: dictionary = 'new': wanted 8 to 64 hexadecimal digits"),
        (HEAD + "7,import,,yesterday\n", "line 2: written_at = 'yesterday'"),
        (HEAD + "7,7,,\n", "line 2: '7' is the feature's own number"),
        (HEAD + "7,a,anna,\n8,b,anna,\n7,c,anna,\n", "line 4: a second label of feature 7 by anna .first on line 2"),
        (HEAD + f'7,"{"x" * 100_000}",,\n', "line 2: the label has 100,000 characters"),
        (HEAD + f'7,"{"x" * 200_000}",,\n', "line 2: the label has 200,000 characters"),
    ],
)
def test_a_row_that_is_no_label_is_named_by_its_line(folder: Folder, text: str, named: str):
    given(folder, text)
    with pytest.raises(InvalidCard, match=named):
        read_labels(folder, "m/r")
    errors: dict[str, str] = {}
    assert read_label_files(folder, errors) == {}
    assert list(errors) == ["labels/m/r.csv"]


def test_what_is_written_is_what_is_read(folder: Folder):
    labels = [HumanLabel(7, 'a "quoted", comma', "anna"), HumanLabel(7, "שלום", "ben"), HumanLabel(0, "=1+1")]
    for label in labels:
        write_label(folder, "m/r", label, always)
    assert list(read_labels(folder, "m/r")) == labels
    write_label(folder, "m/r", HumanLabel(7, "changed", "anna"), always)
    assert list(read_labels(folder, "m/r")) == [HumanLabel(7, "changed", "anna"), *labels[1:]]
    with (Path(folder.path) / "m" / "r.csv").open(newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ["changed", "שלום", "=1+1"]


def test_a_label_that_changed_meanwhile_is_not_written_over(folder: Folder):
    seen = read_labels(folder, "m/r")
    write_label(folder, "m/r", HumanLabel(7, "first", "anna"), lambda now: now == seen)
    with pytest.raises(LabelConflict, match="feature 7 of m/r has 'first' by anna: yours was not written over it"):
        write_label(folder, "m/r", HumanLabel(7, "second", "anna"), lambda now: now == seen)
    assert read_labels(folder, "m/r") == (HumanLabel(7, "first", "anna"),)


def test_of_many_who_write_at_once_each_label_is_kept_or_refused(folder: Folder):
    refused: list[str] = []

    def write(n: int) -> None:
        label = HumanLabel(n % 4, f"label {n}", "" if n % 4 == 0 else f"author {n}")
        try:
            write_label(folder, "m/r", label, lambda now: label.author != "" or now == ())
        except LabelConflict:
            refused.append(label.label)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = read_labels(folder, "m/r")
    assert sorted([*refused, *(label.label for label in kept)]) == sorted(f"label {n}" for n in range(24))
    assert len(labels_of(kept, 0)) == 1
    assert len(kept) == 19


def test_labels_of_what_nobody_asks_for_and_broken_ones_keep_their_partition_from_running(tmp_path: Path):
    for kind in ("models", "recipes"):
        (tmp_path / kind).mkdir()
    (tmp_path / "models" / "m.yaml").write_text("source: nowhere\ncorpus: {source: nowhere}\n")
    recipe = "site: resid_post.@0.5\nsae: {architecture: topk, expansion: 16, k: 32}\n"
    (tmp_path / "recipes" / "r.yaml").write_text(recipe)
    plain = Registry.read(Folder(str(tmp_path))).registration("m/r", lambda *_: "1", lambda *_: "1")
    for name, text in (("r", HEAD + "7,import,,\n"), ("gone", HEAD + "7,import,,\n")):
        (tmp_path / "labels" / "m").mkdir(parents=True, exist_ok=True)
        (tmp_path / "labels" / "m" / f"{name}.csv").write_text(text)
    registry = Registry.read(Folder(str(tmp_path)))
    assert "m/gone, which the registry does not ask for" in registry.errors["labels/m/gone.csv"]
    labelled = registry.registration("m/r", lambda *_: "1", lambda *_: "1")
    assert labelled.human_labels == (HumanLabel(7, "import"),)
    assert labelled.labels_identity != plain.labels_identity
    assert labelled.chain_identity == plain.chain_identity
    (tmp_path / "labels" / "m" / "r.csv").write_text("nothing\n")
    with pytest.raises(InvalidCard, match=r"labels/m/r\.csv, line 1"):
        Registry.read(Folder(str(tmp_path))).registration("m/r", lambda *_: "1", lambda *_: "1")
