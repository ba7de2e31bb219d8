"""What stands before a text: the tokenizer's habit, or what a card asks for; never twice, never a token it lacks."""

import numpy as np
import pytest
from tiny_models import train_tokenizer

from models.corpora.context_frame import SpecialTokens, UnknownToken, candidates
from models.corpora.token_filter import TokenFilter


@pytest.fixture(scope="module")
def plain():
    return train_tokenizer("plain")


@pytest.fixture(scope="module")
def bos():
    return train_tokenizer("bos")


def test_a_tokenizer_that_adds_something_has_its_way(plain, bos):
    assert candidates(bos) == {"<bos>": SpecialTokens((0,), ())}
    assert candidates(train_tokenizer("bert")) == {"[CLS]": SpecialTokens((2,), (3,))}
    assert candidates(plain) == {"none": SpecialTokens((), ()), "<|endoftext|>": SpecialTokens((0,), ())}


def test_a_bos_is_never_doubled_and_can_be_left_out(plain, bos):
    assert (
        SpecialTokens.asked(bos, True)
        == SpecialTokens.asked(bos, "<bos>")
        == SpecialTokens.of(bos)
        == SpecialTokens((0,), ())
    )
    assert SpecialTokens.asked(bos, False) == SpecialTokens((), ())
    assert SpecialTokens.asked(bos, "<eos>") == SpecialTokens((1, 0), ())
    assert SpecialTokens.asked(plain, True) == SpecialTokens((0,), ())
    assert SpecialTokens.asked(plain, False) == SpecialTokens.of(plain)


def test_a_token_that_is_not_there_is_refused_with_those_that_are(bos):
    with pytest.raises(UnknownToken, match=r"'<s>' is no token of this tokenizer.*<bos>, <eos>, <pad>"):
        SpecialTokens.asked(bos, "<s>")
    headless = train_tokenizer("bert")
    with pytest.raises(UnknownToken, match=r"the tokenizer has no BOS: name one of its special tokens .*\[CLS\]"):
        SpecialTokens.asked(headless, True)


def test_a_context_without_room_is_refused():
    with pytest.raises(ValueError, match="context_length=2 leaves no room beside 2 special tokens"):
        SpecialTokens((0,), (1,)).content(2)
    with pytest.raises(ValueError, match="room for 3 text tokens, and skip_first=3 of them are not read"):
        SpecialTokens((0,), (), 3).content(4)
    assert SpecialTokens((0,), (1,), 2).content(6) == 4


def test_frames_of_one_tokenizer_have_hashes_of_their_own(plain, bos):
    frames = [SpecialTokens((), ()), SpecialTokens((0,), ()), SpecialTokens((), (0,)), SpecialTokens((), (), 1)]
    assert len({frame.sha256(plain) for frame in frames} | {SpecialTokens((), ()).sha256(bos)}) == 5


def test_what_is_text_and_what_is_read():
    """Frame 7 … 8, special 0; the first two text tokens are not read. A frame's token within the text is text."""
    rows = [np.array([7, 1, 2, 0, 7, 5, 8], np.int32), np.array([7, 3, 8], np.int32)]
    masks = TokenFilter(frozenset({0}), SpecialTokens((7,), (8,), 2)).masks(rows)
    assert masks.tokens_R[masks.is_text_R].tolist() == [1, 2, 7, 5, 3]
    assert masks.tokens_R[masks.is_read_R].tolist() == [7, 5]
    assert masks.position_R[masks.is_read_R].tolist() == [4, 5]
    assert masks.lengths_C.tolist() == [7, 3]
