"""What an LLM is told: the instructions in prompts/*.md, and their hashes."""

import hashlib
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).with_name("prompts")


@lru_cache
def prompt_text(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def explaining_prompt(variant: str, *, of_images: bool) -> str:
    """The file by which labels are asked for, of windows of text or of images."""
    return f"explain_{variant}_images" if of_images else f"explain_{variant}"


@lru_cache
def prompt_sha256(name: str) -> str:
    """Hash of the instructions as they are sent."""
    return hashlib.sha256(prompt_text(name).encode()).hexdigest()
