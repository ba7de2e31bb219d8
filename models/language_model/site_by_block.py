"""Sites of one kind in several blocks, as a recipe names them: `mlp_in.*` in the blocks `0-4`."""

import re
from typing import Any

from models.language_model.sites import OUTSIDE, SITE_KINDS, Site

EVERY = ".*"
"""What stands in the place of a block."""
MOST_BLOCKS = 256
_RANGE = re.compile(r"([0-9]{1,4})-([0-9]{1,4})")


def names_blocks(text: str) -> bool:
    """Whether a name leaves the block open."""
    return text.endswith(EVERY)


def checked_name(text: str) -> str:
    """A site, or a kind of site whose block is left open.

    Raises:
        ValueError: If the text is neither.
    """
    kind = text.removesuffix(EVERY)
    if not names_blocks(text):
        Site.parse(text)
    elif kind not in SITE_KINDS or kind in OUTSIDE:
        kinds = ", ".join(kind for kind in SITE_KINDS if kind not in OUTSIDE)
        raise ValueError(f"site {text!r} is not one: write a kind of site with .*, of {kinds}")
    return text


def in_block(text: str, block: int) -> str:
    """The site in one block; a name that leaves no block open is as it is."""
    return f"{text.removesuffix(EVERY)}.{block}" if names_blocks(text) else text


def parse_blocks(value: Any) -> Any:
    """Blocks of a card, ascending: a list of numbers, or a range such as `0-4`, both ends included.

    Raises:
        ValueError: If there are none, one stands twice, or they are too many.
    """
    if isinstance(value, str):
        ends = _RANGE.fullmatch(value)
        if ends is None or int(ends[1]) > int(ends[2]):
            raise ValueError("wanted a range of blocks such as 0-4, or a list such as [0, 2, 4]")
        value = list(range(int(ends[1]), int(ends[2]) + 1))
    if isinstance(value, list | tuple):
        if not 0 < len(value) <= MOST_BLOCKS or len({str(block) for block in value}) < len(value):
            raise ValueError(f"found {len(value)} blocks, wanted 1 to {MOST_BLOCKS}, each once")
        return sorted(value, key=str) if not all(isinstance(block, int) for block in value) else sorted(value)
    return value
