"""The prompts of a set, as its card and its source hold them now."""

from collections.abc import Sequence
from functools import lru_cache

from models.experiments.prompt import Prompt, prompts_of
from models.experiments.prompt_source import read_rows
from pipelines.registry.experiment_cards import PromptSetCard
from storage.folder import Folder
from storage.manifest import sha256_of


def read_prompts(card: PromptSetCard) -> Sequence[Prompt]:
    """Every prompt of a set.

    Raises:
        InvalidPrompt: Naming the row or the file that cannot be used.
    """
    return _prompts(card.model_dump_json(), _version(card.source))


def prompts_sha256(card: PromptSetCard) -> str:
    """Hash of the rows themselves: a file that is written again with the same rows is the same set."""
    return _sha256(card.model_dump_json(), _version(card.source))


@lru_cache(maxsize=64)
def _sha256(card: str, version: str) -> str:
    return sha256_of({"rows": [str(prompt) for prompt in _prompts(card, version)]})


@lru_cache(maxsize=8)
def _prompts(card: str, version: str) -> Sequence[Prompt]:
    """Read anew when the card's values or the file's version change."""
    known = PromptSetCard.model_validate_json(card)
    if known.source is None:
        return prompts_of(known.prompts, known.kind, "prompts")
    return prompts_of(read_rows(known.source, known.columns or {}, known.max_prompts), known.kind, known.source)


def _version(source: str | None) -> str:
    if source is None or source.startswith("hf:"):
        return ""
    folder, _, name = source.rpartition("/")
    place = Folder(folder or ".")
    return place.version(name) if place.exists(name) else "absent"
