"""Token texts joined read as the text, also where a character takes several tokens."""

import numpy as np
import pytest
from tiny_models import train_tokenizer

from models.language_model.token_strings import TokenStrings

TEXTS = ["def area(width, height):\n    return width", "naïve — 日本語 😀!", "\ttabs  and   spaces ", "é"]


def joined(pieces: TokenStrings, ids: list[int]) -> str:
    patched = pieces.spelled(np.array(ids))
    return "".join(patched.get(place, pieces.texts[i]) for place, i in enumerate(ids))


@pytest.mark.parametrize("framing", ["plain", "bos"])
@pytest.mark.parametrize("text", TEXTS)
def test_joined_tokens_of_a_byte_level_tokenizer_are_the_text(framing, text):
    tokenizer = train_tokenizer(framing)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert joined(TokenStrings.of(tokenizer), ids) == text


def test_joined_word_pieces_are_words_with_spaces_between():
    tokenizer = train_tokenizer("bert")
    ids = tokenizer("residual streams", add_special_tokens=False)["input_ids"]
    assert joined(TokenStrings.of(tokenizer), ids).strip() == "residual streams"


def test_bytes_of_a_sentencepiece_vocabulary_are_joined():
    pieces = TokenStrings(["\ufffd", "\ufffd", "\ufffd", " a"], ["<0xE6>", "<0x97>", "<0xA5>", "▁a"])
    assert joined(pieces, [3, 0, 1, 2, 3]) == " a日 a"


def test_a_character_that_is_cut_off_shows_that_it_is():
    pieces = TokenStrings(["\ufffd", "\ufffd", "\ufffd", " a"], ["<0xE6>", "<0x97>", "<0xA5>", "▁a"])
    assert joined(pieces, [0, 1]) == "\ufffd"
    assert joined(pieces, [2, 3]) == "\ufffd a"


def test_a_character_stands_at_the_token_that_completes_it():
    pieces = TokenStrings(["\ufffd", "\ufffd", "\ufffd", " a"], ["<0xE6>", "<0x97>", "<0xA5>", "▁a"])
    assert pieces.spelled(np.array([0, 1, 2])) == {0: "", 1: "", 2: "日"}
