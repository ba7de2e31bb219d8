"""Documents of a corpus: where text comes from, before any tokenizer has seen it."""

from dataclasses import dataclass

from models.numerics.hash_sampling import hash_rank

HELD_OUT_SHARE = 1 / 16


@dataclass(frozen=True, slots=True)
class Document:
    """One text and the name it goes by, stable across machines: a path relative to the corpus, or a row."""

    document_id: str
    text: str


def is_held_out(document_id: str) -> bool:
    """Whether a document is kept from training, of language models and of SAEs alike: one in sixteen, by its hash."""
    return hash_rank(document_id, "held out") < HELD_OUT_SHARE * 2**63
