"""Values as a person reads them: invisible characters made visible, numbers rounded but their whole value kept."""

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape

LONGEST = 200
"""Characters of a token or label that are shown; the rest is counted."""
SNIPPET = 8
"""Tokens on either side of the peak that are shown at first."""
REMEMBERED_TOKENS = 20_000
"""Tokens whose HTML is remembered: a page shows six hundred, and pages share them."""
LEVELS = 10
"""Shades of a token; the style sheet has a class for each."""
_EMPTY = "◌"
"""Of a token that holds part of a character, which stands whole at a later one."""
_PICTURES = {" ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍", "\0": "␀"}


@lru_cache(REMEMBERED_TOKENS)
def visible_token(token: str) -> Markup:
    """HTML of a token; spaces, line ends and whatever else is invisible, such as right-to-left marks, made visible."""
    pictured = "".join(_PICTURES.get(c) or (c if c.isprintable() else _code(c)) for c in token[: LONGEST + 1])
    return escape(_cut(pictured, token) or _EMPTY)


def visible_text(text: str, most: int = LONGEST) -> str:
    """Text of a label or a name: spaces stay, other invisible characters are made visible."""
    return _cut("".join(c if c.isprintable() else _code(c) for c in text[: most + 1]), text, most)


def number(value: float | None) -> Markup:
    """Four digits to read; the whole value stands in the attribute `value`."""
    if value is None or not math.isfinite(value):
        return Markup('<span class="none">–</span>')
    return _data(value, f"{value:,}" if isinstance(value, int) else f"{value:.4g}")


def percent(value: float | None) -> Markup:
    """A share of one, to read as a percentage; the attribute `value` has the share itself."""
    if value is None or not math.isfinite(value):
        return number(None)
    return _data(value, f"{100 * value:.3g} %")


def window(example: Any, strongest: float) -> Markup:
    """The tokens of an example, shaded by activation: its share of the feature's strongest, in ten steps.

    Tokens that do not fire and stand side by side are one piece, so that a page of ninety windows stays small.
    Pieces beyond the snippet around the peak have the class `far`.
    """
    pieces: list[str] = []
    silent, silent_far = "", False
    for place, (token, activation) in enumerate(zip(example.tokens, example.activations, strict=True)):
        far = abs(place - example.peak) > SNIPPET
        if silent and (activation > 0 or far != silent_far):
            pieces.append(_piece("", silent_far, silent))
            silent = ""
        if activation > 0:
            pieces.append(
                _piece(_shade(activation, strongest, place == example.peak), far, visible_token(token), activation)
            )
        else:
            silent, silent_far = f"{silent}{visible_token(token)}", far
    if silent:
        pieces.append(_piece("", silent_far, silent))
    return Markup("".join(pieces))


def token_buttons(strip: Iterable[Any], form: str, picked: int | None) -> Markup:
    """Tokens of a text as buttons of a form, shaded by `share`; a token that is left out says why on hover."""
    return Markup("".join(_token_button(token, form, token.place == picked) for token in strip))


def _token_button(token: Any, form: str, is_picked: bool) -> str:
    shade = _shade(token.share, 1.0, False) if token.value else ""
    classes = " ".join(filter(None, ("t" if shade else "", shade, "left-out" if token.left_out else "")))
    said = token.left_out or (f"{token.value:.4g}" if token.value else "")
    attributes = [f'form="{form}" name="token" value="{token.place}"']
    attributes += [f'class="{classes}"'] if classes else []
    attributes += [f'title="{escape(said)}"'] if said else []
    attributes += ['aria-current="true"'] if is_picked else []
    return f"<button {' '.join(attributes)}>{visible_token(token.text)}</button>{_line_end(token.text)}"


def _line_end(text: str) -> str:
    return "<br>" if "\n" in text else ""


def form_text(text: str) -> str:
    """A text for the box that it was typed in: line ends and tabs stay, what else is invisible is made visible."""
    return "".join(c if c.isprintable() or c in "\n\t" else _code(c) for c in text)


def python_text(text: str) -> str:
    """A text as Python's source has it."""
    return ascii(text)


def sql_text(text: str) -> str:
    """A text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def _shade(activation: float, strongest: float, peak: bool) -> str:
    level = min(LEVELS, max(1, math.ceil(LEVELS * activation / strongest))) if strongest > 0 else 1
    return f"a{level} peak" if peak else f"a{level}"


def _piece(shade: str, far: bool, text: str, activation: float | None = None) -> str:
    """HTML of a piece, without Markup for speed: classes are ours, the title a number, the text of `visible_token`."""
    classes = " ".join(name for name in ("t" if shade else "", shade, "far" if far else "") if name)
    attribute = f' class="{classes}"' if classes else ""
    title = f' title="{activation:.4g}"' if activation is not None else ""
    return f"<span{attribute}{title}>{text}</span>"


def _data(value: float, text: str) -> Markup:
    return Markup(f'<data value="{value!r}">{text}</data>')  # digits only: nothing to escape


def _cut(text: str, whole: str, most: int = LONGEST) -> str:
    return text if len(whole) <= most else f"{text[:most]}… ({len(whole):,} characters)"


def _code(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode()
