"""What an LLM is told: the instructions in prompts/*.md, and windows of text written so that no text can pass for
anything else."""

import hashlib
import html
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).with_name("prompts")
ON = 0.3
"""A token beside the peak is marked from this share of the peak's activation on."""


@lru_cache
def instructions(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


@lru_cache
def prompt_sha256(name: str) -> str:
    """Hash of the instructions as they are sent."""
    return hashlib.sha256(instructions(name).encode()).hexdigest()


def escaped(text: str) -> str:
    """Text that can neither open nor close a tag; what is not printable is written out."""
    printable = "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)
    return html.escape(printable, quote=False)


def marked(tokens: Sequence[str], activations: np.ndarray, peak: int, *, only_peak: bool = False) -> str:
    """A window with its peak in tags and, unless told not to, other tokens on which the feature is clearly active."""
    threshold = np.inf if only_peak or activations[peak] <= 0 else ON * activations[peak]
    parts = []
    for place, (token, activation) in enumerate(zip(tokens, activations, strict=True)):
        tag = "peak" if place == peak else "on" if activation >= threshold else None
        parts.append(f"<{tag}>{escaped(token)}</{tag}>" if tag else escaped(token))
    return "".join(parts)
