"""Windows and token lists as an LLM is shown them: inside tags that no text of theirs can open or close."""

import html
from collections.abc import Iterable, Sequence
from functools import lru_cache

from models.autointerp.example_set import ExampleSet
from models.autointerp.llm_client.message_content import Part, Shown, joined

MARK_FROM = 0.3
"""A token beside the peak is marked from this share of the peak's activation on."""


@lru_cache(maxsize=2**16)
def escaped(text: str) -> str:
    """Text that can neither open nor close a tag; what is not printable is written out."""
    printable = "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)
    return html.escape(printable, quote=False)


def clearly_active(gallery: ExampleSet, row: int) -> tuple[int, ...]:
    """Tokens of a window on which the feature is clearly active, the peak left out."""
    _, activations, peak = gallery.window(row)
    if activations[peak] <= 0:
        return ()
    return tuple(i for i in (activations >= MARK_FROM * activations[peak]).nonzero()[0].tolist() if i != peak)


def mark_tokens(tokens: Sequence[str], on: Iterable[int] = (), peak: int | None = None) -> str:
    """A text with some tokens in tags."""
    tags = dict.fromkeys(on, "on") | ({peak: "peak"} if peak is not None else {})
    texts = (escaped(token) for token in tokens)
    return "".join(f"<{tags[i]}>{text}</{tags[i]}>" if i in tags else text for i, text in enumerate(texts))


def numbered(tokens: Sequence[str]) -> str:
    """A text with every token in a tag that numbers it."""
    return "".join(f'<t n="{i}">{escaped(token)}</t>' for i, token in enumerate(tokens))


def token_list(name: str, tokens: Sequence[str]) -> str:
    return f"<{name}>{''.join(f'<token>{escaped(token)}</token>' for token in tokens)}</{name}>"


def feature(name: str, *parts: Shown) -> tuple[Part, ...]:
    return (f'<feature id="{name}">\n', *joined("\n", parts), "\n</feature>")
