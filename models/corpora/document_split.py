"""Which documents are held out from training: about one in sixteen, near copies together, and always at least one."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.corpora.documents import is_held_out
from models.numerics.hash_sampling import hash_rank


class OneDocument(ValueError):
    """A corpus of one document, of which nothing can be held out. Add text, or cut it into documents."""


@dataclass(frozen=True)
class DocumentSplit:
    """The documents that are held out, and whether every near copy of one of them is."""

    held_out: frozenset[str]
    near_copies_apart: bool
    """False if all documents are near copies of each other, so that the split goes through the group."""


def document_split(group_of: Mapping[str, str]) -> DocumentSplit:
    """Splits documents by the hash of their group's name.

    Where no group's hash is among the lowest sixteenth, the group with the lowest is held out; where all are, the one
    with the highest is trained on.

    Args:
        group_of: For every document the name of its group of near copies, its own where it has none.

    Raises:
        OneDocument: If there is only one.
    """
    if len(group_of) < 2:
        raise OneDocument(
            f"the corpus is one document ({next(iter(group_of), 'none')!r}), and one at least must be held out from "
            "training: add text, or cut it into documents"
        )
    groups = set(group_of.values())
    if len(groups) == 1:
        return DocumentSplit(frozenset(_held_out(set(group_of))), near_copies_apart=False)
    chosen = _held_out(groups)
    return DocumentSplit(frozenset(name for name, group in group_of.items() if group in chosen), True)


def _held_out(names: set[str]) -> set[str]:
    chosen = {name for name in names if is_held_out(name)} or {min(names, key=_rank)}
    return chosen - {max(names, key=_rank)} if chosen == names else chosen


def _rank(name: str) -> tuple[int, str]:
    return hash_rank(name, "held out"), name
