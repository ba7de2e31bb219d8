"""Near copies are grouped as the exact Jaccard similarity of their shingles says, and are on one side of the split."""

import numpy as np
import pytest

from models.corpora.document_split import OneDocument, document_split
from models.corpora.documents import HELD_OUT_SHARE
from models.corpora.near_copies import NearCopies, shingle_hashes

RNG = np.random.default_rng(0)


def changed(tokens: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
    """The tokens with `n` of them replaced by others."""
    rng = np.random.default_rng(seed)
    copy = tokens.copy()
    copy[rng.choice(len(tokens), n, replace=False)] += 1 + rng.integers(1000, size=n).astype(tokens.dtype)
    return copy


def shingles(tokens: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(tokens[i : i + 5].tolist()) for i in range(len(tokens) - 4)}


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Jaccard similarity by sets of tuples."""
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def groups(documents: dict[str, np.ndarray]) -> dict[str, str]:
    copies = NearCopies()
    for name, tokens in documents.items():
        copies.add(name, tokens)
    return copies.groups()


def test_shingles_are_counted_as_sets_of_tuples_count_them():
    tokens = RNG.integers(0, 3, 400)
    assert len(shingle_hashes(tokens)) == len(shingles(tokens))
    assert len(shingle_hashes(tokens[:3])) == 1
    assert shingle_hashes(np.array([0, 0])).tolist() != shingle_hashes(np.array([0])).tolist()


@pytest.mark.parametrize("length", [60, 500, 4000])
def test_documents_are_grouped_where_they_are_similar_and_only_there(length: int):
    for seed in range(20):
        tokens = np.random.default_rng(seed).integers(0, 50_000, length)
        near, far = changed(tokens, length // 30, seed), changed(tokens, length // 5, seed)
        assert similarity(tokens, near) > 0.6
        assert similarity(tokens, far) < 0.4
        assert groups({"a": tokens, "b": near}) == {"a": "a", "b": "a"}
        assert groups({"a": tokens, "b": far}) == {"a": "a", "b": "b"}


def test_what_is_near_to_a_near_copy_is_in_the_group_and_its_first_by_name_gives_the_name():
    tokens = RNG.integers(0, 50_000, 1000)
    chain = [tokens]
    for seed in range(8):
        chain.append(changed(chain[-1], 30, seed))
    assert similarity(chain[0], chain[-1]) < 0.3
    others = {f"other{n}": RNG.integers(0, 50_000, 1000) for n in range(50)}
    named = {f"m{9 - n}": tokens for n, tokens in enumerate(chain)}
    made = groups(named | others)
    assert {made[name] for name in named} == {"m1"}
    assert all(made[name] == name for name in others)


def test_a_thousand_equal_documents_are_one_group():
    tokens = RNG.integers(0, 50_000, 100)
    assert set(groups({f"d{n:04}": tokens for n in range(1000)}).values()) == {"d0000"}


def test_the_split_holds_out_whole_groups_about_one_in_sixteen():
    group_of = {f"d{n}": f"d{n - n % 3}" for n in range(6000)}
    split = document_split(group_of)
    assert split.near_copies_apart
    for n in range(0, 6000, 3):
        assert len({f"d{n + i}" in split.held_out for i in range(3)}) == 1
    assert abs(len(split.held_out) / 6000 - HELD_OUT_SHARE) < 0.02


@pytest.mark.parametrize("n", [2, 3, 5, 9])
def test_one_document_at_least_is_held_out_and_one_is_not(n: int):
    for seed in range(200):
        names = [f"{seed}-{i}" for i in range(n)]
        split = document_split({name: name for name in names})
        assert 0 < len(split.held_out) < n


def test_a_corpus_of_near_copies_alone_is_split_through_the_group_and_says_so():
    split = document_split({f"d{n}": "d0" for n in range(100)})
    assert 0 < len(split.held_out) < 100
    assert not split.near_copies_apart


def test_one_document_is_refused():
    with pytest.raises(OneDocument, match=r"one document \('only\.txt'\), and one at least must be held out"):
        document_split({"only.txt": "only.txt"})
