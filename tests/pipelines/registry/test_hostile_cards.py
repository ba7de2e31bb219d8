"""A card that somebody wrote to do harm, or that broke, is one short sentence; the other cards are read."""

import io
import re
import tracemalloc
from pathlib import Path

import pytest
from rich.console import Console
from rich.markup import escape

from pipelines.registry.registry import Registry
from storage.folder import Folder

GOOD = "source: models/demo\ncorpus: {source: stdlib, tokens: 1_000, context_length: 32}\n"
RECIPE = "site: resid_post.@0.5\nsae: {architecture: topk, expansion: 16, k: 32}\n"
LAUGHS = "a: &a [l, l, l, l, l, l, l, l, l]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
)
TEXTS = f"a: &a {'x' * 30_000}\nb: [{', '.join(['*a'] * 5_000)}]\n"
LADDER = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 40))
MERGES = "a: &a {x: 1}\n" + "".join(f"a{i}: {{<<: [{', '.join(['*a'] * 9_000)}]}}\n" for i in range(2))
HOSTILE = {
    "recursive": ("&a\nsource: x\ncorpus: *a\n", "an alias within what it names"),
    "recursive_list": ("source: &a [*a]\n", "an alias within what it names"),
    "deep_lists": ("source: " + "[" * 20_000, "line 1: more than 16 lists and sections within each other"),
    "deep_sections": ("{a: " * 15_000, "more than 16 lists and sections within each other"),
    "deep_blocks": ("\n".join(" " * i + "a:" for i in range(300)), "line 1[78]: more than 16 lists and sections"),
    "deep_by_aliases": (LADDER, "more than 16"),
    "laughs": (LAUGHS, "is larger than 65,536 bytes, with its aliases written out"),
    "laughs_of_text": (TEXTS, "is larger than 65,536 bytes, with its aliases written out"),
    "laughs_of_merges": (MERGES, "larger"),
    "large": (GOOD + "# " + "x" * 70_000, "is larger than 65,536 bytes"),
    "long_text": (GOOD + f"revision: {'x' * 60_000}\n", "revision = 'xxx.*at most 4096 characters"),
    "long_key": (GOOD + f"? {'k' * 60_000}\n: 1\n", "line 3: kkkk.*…"),
    "long_number": (GOOD + f"revision: {'9' * 60_000}\n", "revision"),
    "many_keys": (GOOD + "".join(f"k{i}: 1\n" for i in range(2_000)), "and 1,988 more"),
    "many_values": (GOOD + f"recipes: [{', '.join(['1'] * 4_000)}]\n", "and 3,988 more"),
    "many_recipes": (GOOD + f"recipes: [{', '.join(f'r{i}' for i in range(2_000))}]\n", "recipes r0, .*… are not in"),
    "list_as_key": (GOOD + "? [a, b]\n: 1\n", "line 3: found a list or section as a key, wanted a name"),
    "number_as_key": (GOOD + "1: 2\n", "line 3: found 1 as a key"),
    "nothing_as_key": (GOOD + "~: 2\n", "line 3: found ~ as a key"),
    "merge_of_text": (GOOD + "<<: text\n", "line 3: not YAML"),
    "tag": (GOOD + "revision: !!python/object/apply:os.system [ls]\n", "line 3: found the tag .*os.system"),
    "wrong_tag": (GOOD + "revision: !!int abc\n", "line 3: found the tag"),
    "date": (GOOD.replace("stdlib", "2024-13-45").replace("32}", "0}"), "context_length = 0"),
    "escape": (GOOD + 'revision: "\\U00110000"\n', "not YAML"),
    "large_escape": (GOOD + 'revision: "\\UFFFFFFFF"\n', "not YAML"),
    "surrogate": (GOOD + 'revision: "\\ud800"\n', "line 3: not YAML .found invalid Unicode"),
    "surrogate_key": (GOOD + '"\\ud800": 1\n', "line 3: not YAML .found invalid Unicode"),
    "commands_to_terminal": (GOOD + '"\\e[2J": 1\n', r"line 3: found \\x1b\[2J as a key"),
    "markup": (GOOD + "'[/red]': '[/blue]'\n", r"line 3: \[/red\] = '\[/blue\]': unknown key"),
    "no_anchor": (GOOD + f"revision: *{'a' * 5_000}\n", "not YAML .found undefined alias"),
    "two_documents": (GOOD + "---\n" + GOOD, "not YAML .*expected a single document|but found another document"),
    "control": (GOOD + "revision: a\x00b\n", "not YAML"),
    "empty": ("", "line 1: found nothing, wanted keys and values"),
    "text": ("x" * 60_000, "line 1: found a scalar 'xxx"),
}  # fmt: skip

AS_OTHERS = ("many_values", "long_text", "deep_blocks")
"""Refused for the same reason as the ones beside them, with many more lines to read."""


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    for kind in ("models", "recipes"):
        (tmp_path / kind).mkdir()
    (tmp_path / "models" / "good.yaml").write_text(GOOD + "recipes: [one]\n")
    (tmp_path / "recipes" / "one.yaml").write_text(RECIPE)
    return tmp_path


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in AS_OTHERS else []) for name in HOSTILE]
)
def test_a_hostile_card_is_a_short_sentence_and_the_others_are_read(registry: Path, name: str):
    text, said = HOSTILE[name]
    for kind in ("models", "recipes"):
        (registry / kind / "bad.yaml").write_text(text)
    tracemalloc.start()
    read = Registry.read(Folder(str(registry)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [each for each in read.sae_ids() if each.startswith("good/")] == ["good/one"]
    assert "recipes/bad.yaml" in read.errors
    sentence = read.errors["models/bad.yaml"]
    assert f"{registry}/models/bad.yaml" in sentence
    assert re.search(said, sentence), sentence[:500]
    assert len(sentence) < 8_000
    assert most < 64 << 20
    sentence.encode()
    Console(file=io.StringIO()).print(f"[red]card refused[/red] {escape(sentence)}")


def test_what_is_no_text_file_does_not_hide_the_others(registry: Path):
    (registry / "models" / "folder.yaml").mkdir()
    (registry / "models" / "bytes.yaml").write_bytes(bytes(range(256)))
    (registry / "models" / "dangling.yaml").symlink_to(registry / "nowhere.yaml")
    (registry / "models" / "b\udcff.yaml").write_text(GOOD)
    read = Registry.read(Folder(str(registry)))
    assert read.sae_ids() == ["good/one"]
    assert "not YAML" in read.errors["models/bytes.yaml"]
    for key, sentence in read.errors.items():
        (key + sentence).encode()
