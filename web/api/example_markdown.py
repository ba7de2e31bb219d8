"""A feature's windows as Markdown, to paste into notes: tokens stay text, whatever they hold."""

import re
from collections.abc import Iterable
from typing import Any

from web.formatting import visible_text

BEFORE, AFTER = 24, 12
"""Tokens around the peak."""
LONGEST = 2_000
_SPECIAL = re.compile(r"([\\`*_\[\]<>&~|$])")


def example_markdown(heading: str, address: str, rows: Iterable[dict[str, Any]]) -> str:
    """A heading and an item a window, with its activation; the peak is bold."""
    items = (f"- {row['activation']:.4g}: {_window(row)}" for row in rows)
    return "\n".join([f"**{escape_markdown(heading)}** ({address})", "", *items, ""])


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is: on one line, what is invisible made visible, what marks up escaped."""
    return _SPECIAL.sub(r"\\\1", visible_text(text.replace("\n", "⏎"), LONGEST))


def _window(row: dict[str, Any]) -> str:
    tokens, peak = row["tokens"], row["peak"]
    before, after = "".join(tokens[max(0, peak - BEFORE) : peak]), "".join(tokens[peak + 1 : peak + 1 + AFTER])
    bold = tokens[peak]
    core = bold.strip()
    if not core:
        return f"{escape_markdown(before)}`{escape_markdown(bold).replace(' ', '·')}`{escape_markdown(after)}".strip()
    left, right = bold[: len(bold) - len(bold.lstrip())], bold[len(bold.rstrip()) :]
    return f"{escape_markdown(before + left)}**{escape_markdown(core)}**{escape_markdown(right + after)}".strip()
