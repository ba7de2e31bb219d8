"""Which contexts give examples that score labels, and which give those that labels are made from."""

from models.numerics.hash_sampling import hash_rank


def is_in_scoring_half(document_id: str, context_id: int) -> bool:
    """Whether examples of this context score labels, or else help to find them: one half each, by hash."""
    return hash_rank(f"{document_id}\0{context_id}", "scoring") % 2 == 1
