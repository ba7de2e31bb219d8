"""Which documents give examples that score labels, and which give those that labels are made from."""

from models.numerics.hash_sampling import hash_rank


def is_in_scoring_half(group: str) -> bool:
    """Whether examples of a document score labels, or else help to find them: one half each, by the hash of the name of
    its group of near copies (`models.corpora.near_copies`), its own name where it has none."""
    return hash_rank(group, "scoring") % 2 == 1
