"""Contexts hold every token of their documents once, in order, one document each, framed as the tokenizer frames
texts."""

from typing import Any

import numpy as np
import pytest
from tokenizers import processors

from models.corpora.context_frame import SpecialTokens, tokenizer_sha256
from models.corpora.contexts import PER_SHARD, EmptyCorpus, TokenizedCorpus, tokenize_into_contexts
from models.corpora.corpus_writer import write_corpus
from models.corpora.documents import Document, is_held_out
from models.corpora.token_filter import TokenFilter
from storage.folder import Folder

ABOUT: Any = {"source": "test", "context_length": 16}


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained("models/demo")


@pytest.fixture
def documents():
    words = ["import", "return", "self", "def", "class", "None"]
    return [Document(f"d{i}", " ".join(words[(i * j) % 6] for j in range(3 * i + 1))) for i in range(40)]


def test_cutting_loses_and_invents_nothing(tokenizer, documents):
    contexts = list(tokenize_into_contexts(documents, tokenizer, 16, tokens=10**9))
    for document in documents:
        mine = [c for c in contexts if c.document_id == document.document_id]
        assert [c.start for c in mine] == list(range(0, 15 * len(mine), 15))
        assert (
            np.concatenate([c.token_ids[1:] for c in mine]).tolist()
            == tokenizer(document.text, add_special_tokens=False)["input_ids"]
        )
        assert all(c.token_ids[0] == tokenizer.bos_token_id for c in mine)
        assert all(len(c.token_ids) == 16 for c in mine[:-1])
    assert [c.context_id for c in contexts] == list(range(len(contexts)))


def test_cutting_stops_at_the_tokens_asked_for(tokenizer, documents):
    contexts = list(tokenize_into_contexts(documents, tokenizer, 16, tokens=200))
    held = sum(len(c.token_ids) - 1 for c in contexts)
    assert 200 <= held < 215


def test_a_frame_has_both_ends(tokenizer):
    from copy import deepcopy

    framed = deepcopy(tokenizer)
    framed.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A <|endoftext|>", special_tokens=[("<|endoftext|>", 0)]
    )
    assert SpecialTokens.of(tokenizer) == SpecialTokens((0,), ())
    assert SpecialTokens.of(framed) == SpecialTokens((0,), (0,))
    assert SpecialTokens.of(framed).content(16) == 14
    with pytest.raises(ValueError, match="context_length=2 leaves no room beside 2 special tokens"):
        SpecialTokens.of(framed).content(2)
    assert tokenizer_sha256(framed) != tokenizer_sha256(tokenizer)


def test_a_corpus_comes_back_by_context_id(tmp_path, tokenizer):
    documents = [Document(f"d{i}", f"x{i} = {i * i}\n" * 40) for i in range(600)]
    written = list(tokenize_into_contexts(documents, tokenizer, 16, tokens=10**9))
    assert len(written) > PER_SHARD
    manifest = write_corpus(Folder(str(tmp_path)), written, {}, TokenFilter(frozenset({0})), **ABOUT)
    contexts = TokenizedCorpus.open(Folder(str(tmp_path)))

    n_text = sum(len(tokenizer(d.text, add_special_tokens=False)["input_ids"]) for d in documents)
    assert manifest.facts == ABOUT | {
        "n_documents": 600,
        "n_contexts": len(written),
        "n_tokens": n_text,
        "n_special": len(written),
        "special_ids": [0],
        "n_skipped": 0,
        "prefix": (),
        "suffix": (),
        "skip_first": 0,
        "n_held_out": len(contexts.held_out_documents),
        "n_held_out_tokens": sum(len(c.token_ids) for c in written if c.document_id in contexts.held_out_documents),
        "n_near_copies": 0,
        "near_copies_apart": True,
    }
    assert contexts.held_out_documents == {d.document_id for d in documents if is_held_out(d.document_id)}
    assert contexts.document_ids == [c.document_id for c in written]
    for asked, got in zip((len(written) - 1, 0, 5), contexts.rows([len(written) - 1, 0, 5]), strict=True):
        assert (got.context_id, got.document_id, got.start) == (asked, written[asked].document_id, written[asked].start)
        assert np.array_equal(got.token_ids, written[asked].token_ids)
        assert got.token_ids.flags.owndata, "a few contexts of a large corpus hold the tokens of all their files"
    assert sum(1 for _ in contexts) == len(written)


def test_many_short_documents_are_a_corpus(tmp_path, tokenizer):
    contexts = tokenize_into_contexts([Document(f"d{i}", "pass") for i in range(50)], tokenizer, 16, tokens=100)
    assert (
        write_corpus(Folder(str(tmp_path)), contexts, {}, TokenFilter(frozenset({0})), **ABOUT).facts["n_contexts"]
        == 50
    )


@pytest.mark.parametrize("texts", [[], ["short"]])
def test_less_than_one_context_is_refused(tmp_path, tokenizer, texts):
    contexts = tokenize_into_contexts([Document("d", text) for text in texts], tokenizer, 16, tokens=100)
    with pytest.raises(
        EmptyCorpus, match=r"corpus 'test' holds \d tokens in \d documents, less than one context of 16"
    ):
        write_corpus(Folder(str(tmp_path)), contexts, {}, TokenFilter(frozenset({0})), **ABOUT)
    assert Folder(str(tmp_path)).names() == []
