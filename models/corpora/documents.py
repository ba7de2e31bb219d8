"""Documents of a corpus: where text comes from, before any tokenizer has seen it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.numerics.hash_sampling import hash_rank

HELD_OUT_SHARE = 1 / 16


@dataclass(frozen=True, slots=True)
class Document:
    """One text and the name it goes by, stable across machines: a path relative to the corpus, or a row."""

    document_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in their order, each a mapping with `role` and `content`, for the model's chat template."""

    document_id: str
    messages: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class PretokenizedDocument:
    """Token ids that somebody else's tokenizer made of a text."""

    document_id: str
    token_ids: np.ndarray


AnyDocument = Document | Conversation | PretokenizedDocument


def is_held_out(document_id: str) -> bool:
    """Whether the hash of a document's name is among the lowest sixteenth: the rule that `document_split` begins with,
    and by which the bundled language model was trained."""
    return hash_rank(document_id, "held out") < HELD_OUT_SHARE * 2**63
