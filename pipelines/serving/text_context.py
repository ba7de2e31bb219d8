"""A reader's own text as one context of a corpus: cut and framed by the corpus's own rules.

Axes: R tokens of the context.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from models.corpora.contexts import Context, TokenizedCorpus
    from models.corpora.token_filter import TokenFilter
    from models.language_model.token_strings import TokenStrings

LONGEST = 512
"""Tokens that are read at most, where a context has room for more: a page shows each of them."""
NAME = "your own text"


@dataclass(frozen=True, slots=True)
class TextToken:
    """A token of the context; the texts of those that are no special ones, joined, give the text."""

    text: str
    token_id: int
    is_text: bool
    """Whether it is of the text, and neither put around it nor special."""
    left_out: str
    """Why no dictionary has activations of it; empty where they have."""


@dataclass(frozen=True, slots=True)
class TextContext:
    """What the model is fed, what each token of it is, and a sentence about what was cut, empty where nothing was."""

    context: "Context"
    tokens: tuple[TextToken, ...]
    cut: str


def text_context(
    tokenizer: Any, token_strings: "TokenStrings", text: str, corpus: "TokenizedCorpus", *, is_chat: bool
) -> TextContext:
    """The first context of a text, as the corpus would have cut it.

    Args:
        tokenizer: The model's.
        token_strings: Texts of its tokens.
        text: What somebody typed.
        corpus: The corpus that the dictionaries were made from.
        is_chat: Whether the text is what a user says, in the model's chat template.

    Raises:
        ValueError: If the text holds no token, or the model has no chat template, or it refuses the text.
    """
    from models.corpora.contexts import Context

    token_filter = corpus.token_filter
    ids = _token_ids(tokenizer, text, corpus, is_chat)
    room = min(token_filter.frame.content(int(corpus.manifest.facts["context_length"])), LONGEST)
    row_R = _framed(token_filter, ids[:room])
    cut = ""
    if len(ids) > room:
        cut = f"the text has {len(ids):,} tokens and a context room for {room:,}: only the first {room:,} were read"
    return TextContext(Context(0, NAME, 0, row_R), _tokens(tokenizer, token_strings, row_R, token_filter), cut)


def _token_ids(tokenizer: Any, text: str, corpus: "TokenizedCorpus", is_chat: bool) -> "np.ndarray":
    from models.corpora.document_tokens import DocumentTokenizer, UnusableCorpus
    from models.corpora.documents import Conversation, Document

    if is_chat and not getattr(tokenizer, "chat_template", None):
        raise ValueError("the model's tokenizer has no chat template: read the text without it")
    document = Conversation(NAME, ({"role": "user", "content": text},)) if is_chat else Document(NAME, text)
    parse_special = corpus.manifest.facts["special_strings"] == "tokens"
    tokenize = DocumentTokenizer(tokenizer, corpus.token_filter.frame, parse_special)
    try:
        found = next(tokenize([document]), None)
    except UnusableCorpus as error:
        raise ValueError(str(error)) from error
    if found is None:
        why = f" ({', '.join(tokenize.left_out.counts)})" if is_chat else ""
        raise ValueError(f"the text holds no token that a feature could fire on{why}: type some words")
    return found.token_ids


def _framed(token_filter: "TokenFilter", ids: "np.ndarray") -> "np.ndarray":
    import numpy as np

    return np.array(token_filter.frame.framed(ids.tolist()), dtype=np.int32)


def _tokens(
    tokenizer: Any, token_strings: "TokenStrings", row_R: "np.ndarray", token_filter: "TokenFilter"
) -> tuple[TextToken, ...]:
    masks = token_filter.masks([row_R])
    spelled = token_strings.spelled(row_R)
    return tuple(
        TextToken(
            spelled[place] if place in spelled else token_strings.texts[token],
            int(token),
            bool(is_text),
            "" if is_read else _why_left_out(place, bool(is_text), len(row_R), token_filter),
        )
        for place, (token, is_text, is_read) in enumerate(zip(row_R, masks.is_text_R, masks.is_read_R, strict=True))
    )


def _why_left_out(place: int, is_text: bool, n: int, token_filter: "TokenFilter") -> str:
    frame = token_filter.frame
    if is_text:
        return f"among the first {frame.skip_first} tokens of the text, which take an attention sink on (skip_first)"
    if place < len(frame.prefix) or place >= n - len(frame.suffix):
        return "put around every context, no part of the text"
    return "a special token: features are of text"
