"""Datasets of the hub, stood in for by a folder of the same name, which `datasets` prefers."""

import json
import sys
from pathlib import Path

import pytest
from corpus_texts import texts_of

from models.corpora.sources import open_source


def texts(spec: object, text_column: str | None = None) -> dict[str, str]:
    """Documents by id, in the order in which the source gave them."""
    return texts_of(open_source(str(spec), text_column=text_column))


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A dataset that `datasets` finds in the working folder under the name it would have on the hub."""
    root = tmp_path / "owner" / "small"
    root.mkdir(parents=True)
    for split, n in (("train", 5), ("validation", 2)):
        lines = [json.dumps({"text": f"{split} {row}", "id": row}) for row in range(n)]
        (root / f"{split}.jsonl").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    return "hf:owner/small"


def test_a_dataset_gives_the_rows_of_its_split(dataset: str):
    assert texts(dataset) == {f"owner/small:train#{n}": f"train {n}" for n in range(5)}
    assert texts(f"{dataset}:validation") == {f"owner/small:validation#{n}": f"validation {n}" for n in range(2)}
    assert open_source(dataset).sha256() == open_source(f"{dataset}:train").sha256()
    assert open_source(dataset).sha256() != open_source(f"{dataset}:validation").sha256()


@pytest.mark.parametrize(
    ("rest", "column", "said"),
    [
        (":test", None, r"has no split 'test' .*'train', 'validation'"),
        ("", "body", r"no column 'body'; its columns are 'text', 'id'"),
        ("", "id", r"column 'id' holds int, wanted text"),
        ("/fr", None, r"'hf:owner/small/fr' cannot be opened"),
    ],
)
def test_what_a_dataset_lacks_is_said(dataset: str, rest: str, column: str | None, said: str):
    with pytest.raises(ValueError, match=said):
        texts(dataset + rest, column)


def test_a_dataset_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"'hf:owner/none' cannot be opened .*check its name and config"):
        texts("hf:owner/none")


def test_without_the_optional_package_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ValueError, match=r"wants the package `datasets`.*pip install -e '\.\[hf\]'"):
        open_source("hf:owner/small")
