"""Texts and values of others as a message or a terminal may show them: cut, and without commands to the terminal."""

import reprlib
from typing import Any

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


def visible(text: str, most: int) -> str:
    """A text in one line of so many characters at most; what is not printable is escaped, as a lone surrogate is."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def short_repr(value: Any) -> str:
    """A value as Python spells it, without its middle where it is long; a list's first entries."""
    return _SHORT.repr(value)
