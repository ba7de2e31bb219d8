"""What documents become: special strings stay text, a frame is never doubled, conversations go through the chat
template, and token ids are taken from the tokenizer that made them."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, processors
from tokenizers.models import BPE
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from models.corpora.context_frame import NO_FRAME, SpecialTokens, UnusableTokenizer, tokenizer_sha256
from models.corpora.contexts import tokenize_into_contexts
from models.corpora.document_tokens import DocumentTokenizer, UnusableCorpus
from models.corpora.documents import AnyDocument, Conversation, Document, PretokenizedDocument

END = "<|endoftext|>"
TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}"
    f"{END}{{{{ m.role }}}}: {{{{ m.content | trim }}}}\n{{% endfor %}}"
)


@pytest.fixture(scope="module")
def tokenizer():
    tokenizer = AutoTokenizer.from_pretrained("models/demo")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def tokens(made: DocumentTokenizer, *documents: AnyDocument) -> list[list[int]]:
    return [document.token_ids.tolist() for document in made(documents)]


def chat(*contents: str, role: str = "user") -> Conversation:
    return Conversation("c", tuple({"role": role, "content": content} for content in contents))


@pytest.mark.parametrize("text", [f"{END}def f(): pass", f"a {END} b", f"a{END}", f"{END}{END}", END])
def test_the_name_of_a_special_token_inside_a_text_is_text(tokenizer, text: str):
    made = DocumentTokenizer(tokenizer, SpecialTokens.of(tokenizer))
    (ids,) = tokens(made, Document("d", text))
    assert tokenizer.bos_token_id not in ids
    assert tokenizer.decode(ids) == text
    assert made.n_framed == 0
    (context,) = tokenize_into_contexts([Document("d", text)], tokenizer, 64, 10**6)
    assert context.token_ids.tolist() == [tokenizer.bos_token_id, *ids]


def test_a_card_may_ask_for_the_tokens_and_the_frame_is_not_doubled(tokenizer):
    frame = SpecialTokens.of(tokenizer)
    made = DocumentTokenizer(tokenizer, frame, parse_special=True)
    bare = tokenizer("x = 1", add_special_tokens=False)["input_ids"]
    bos = tokenizer.bos_token_id
    texts = [f"{END}x = 1", "x = 1", f"x = 1{END}x = 1", END]
    assert tokens(made, *(Document("d", text) for text in texts)) == [bare, bare, [*bare, bos, *bare]]
    assert made.n_framed == 2


def test_a_suffix_is_not_doubled_either(tokenizer):
    made = DocumentTokenizer(tokenizer, SpecialTokens((0,), (0,)), parse_special=True)
    bare = tokenizer("x = 1", add_special_tokens=False)["input_ids"]
    assert tokens(made, Document("d", f"{END}x = 1{END}")) == [bare]


def test_a_conversation_is_what_transformers_makes_of_it(tokenizer):
    conversation = chat("Hi there ", "  x = 1")
    wanted = tokenizer.apply_chat_template([dict(m) for m in conversation.messages], return_dict=False)
    assert tokens(DocumentTokenizer(tokenizer, NO_FRAME), conversation) == [wanted]
    made = DocumentTokenizer(tokenizer, SpecialTokens.of(tokenizer))
    assert tokens(made, conversation) == [wanted[1:]]
    assert made.n_framed == 1
    assert wanted.count(tokenizer.bos_token_id) == 2


def test_the_name_of_a_special_token_inside_a_message_is_text(tokenizer):
    conversation = chat(f"what is {END}?", "x = 1")
    (ids,) = tokens(DocumentTokenizer(tokenizer, NO_FRAME), conversation)
    assert ids.count(tokenizer.bos_token_id) == 2
    assert tokenizer.decode(ids) == f"{END}user: what is {END}?\n{END}user: x = 1\n"


def test_a_conversation_that_the_template_refuses_is_left_out_and_named(tokenizer):
    made = DocumentTokenizer(tokenizer, NO_FRAME)
    assert len(tokens(made, chat("a", role="tool"), chat("b"))) == 1
    assert made.left_out.names == {"refused by the chat template (no tools here)": ["c"]}


def test_a_conversation_needs_a_chat_template(tokenizer):
    bare = deepcopy(tokenizer)
    bare.chat_template = None
    with pytest.raises(UnusableCorpus, match=r"c is a conversation, .* no chat template: take a model that has one"):
        tokens(DocumentTokenizer(bare, NO_FRAME), chat("a"))


def test_token_ids_are_read_from_the_tokenizer_that_made_them_only(tokenizer):
    sha256 = tokenizer_sha256(tokenizer)
    document = PretokenizedDocument("p", np.array([0, 5, 6]))
    with pytest.raises(UnusableCorpus, match=rf"p holds token ids.*does not say which.*tokenizer is {sha256}"):
        tokens(DocumentTokenizer(tokenizer, NO_FRAME), document)
    with pytest.raises(UnusableCorpus, match=rf"says abc; this model's tokenizer is {sha256}"):
        tokens(DocumentTokenizer(tokenizer, NO_FRAME, tokenizer_sha256="abc"), document)
    made = DocumentTokenizer(tokenizer, SpecialTokens.of(tokenizer), tokenizer_sha256=sha256)
    beyond = PretokenizedDocument("q", np.array([len(tokenizer)]))
    assert tokens(made, document, beyond) == [[5, 6]]
    assert made.left_out.names == {f"token ids beyond the tokenizer's {len(tokenizer):,}": ["q"]}


def test_documents_of_all_kinds_keep_their_order(tokenizer):
    sha256 = tokenizer_sha256(tokenizer)
    given = [Document("a", "x"), chat("y"), Document("b", "z"), PretokenizedDocument("p", np.array([7]))] * 50
    made = DocumentTokenizer(tokenizer, NO_FRAME, tokenizer_sha256=sha256)
    assert [d.document_id for d in made(given)] == [d.document_id for d in given]


def nucleotides(template: str) -> PreTrainedTokenizerFast:
    """A BPE over A, C, G and T that knows no other letter and has no unknown token."""
    backend = Tokenizer(BPE(vocab={"A": 0, "C": 1, "G": 2, "T": 3, "<s>": 4, "</s>": 5}, merges=[]))
    backend.add_special_tokens(["<s>", "</s>"])
    backend.post_processor = processors.TemplateProcessing(single=template, special_tokens=[("<s>", 4), ("</s>", 5)])
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")


@pytest.mark.parametrize(
    ("template", "frame"),
    [("<s> $A", ((4,), ())), ("$A </s>", ((), (5,))), ("<s> $A </s>", ((4,), (5,))), ("$A", ((), ()))],
)
def test_the_frame_is_the_tokenizers_word_whatever_letters_it_knows(template: str, frame):
    assert SpecialTokens.of(nucleotides(template)) == SpecialTokens(*frame)


class _Moody:
    """A tokenizer that puts a token before long texts only."""

    all_special_ids = (9,)

    def __len__(self) -> int:
        return 10

    def decode(self, ids: list[int]) -> str:
        return "ab" * (1 + ids[0] % 2)

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [f"t{i}" for i in ids]

    def __call__(self, text: str, add_special_tokens: bool = True, **_: object) -> dict[str, list[int]]:
        bare = [1] * len(text)
        before = [9] if add_special_tokens and len(text) > 2 else []
        return {"input_ids": before + bare, "special_tokens_mask": [1] * len(before) + [0] * len(bare)}


def test_a_tokenizer_that_frames_texts_differently_is_refused():
    with pytest.raises(UnusableTokenizer, match=r"puts \[\] … \[\] around 'a' and \['t9'\] … \[\] around 'abab'"):
        SpecialTokens.of(_Moody())


@pytest.mark.parametrize("folder", ["models/demo", "../shared/data/models/stories260K"])
def test_real_tokenizers_frame_as_they_do_by_themselves(folder: str):
    if not Path(folder).is_dir():
        pytest.skip(f"{folder} is not here")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    frame = SpecialTokens.of(tokenizer)
    for text in ("Hello there", "def f():\n    return 1", "Ünïcode"):
        bare = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert frame.framed(bare) == tokenizer(text)["input_ids"]
