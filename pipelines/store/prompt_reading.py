"""The prompts of a set, as its card and its source hold them now."""

from collections.abc import Sequence
from functools import lru_cache

from models.experiments.prompt import Prompt, prompts_of
from models.experiments.prompt_source import drawn_by_label, read_rows
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
    return sha256_of({"rows": [_row(prompt) for prompt in _prompts(card, version)]})


def _row(prompt: Prompt) -> str:
    """Columns that came later are named only where a row has them, so that other sets keep their hash."""
    later = ((name, getattr(prompt, name)) for name in ("spurious", "split"))
    return " ".join([str(prompt), *(f"{name}={value!r}" for name, value in later if value is not None)])


@lru_cache(maxsize=8)
def _prompts(card: str, version: str) -> Sequence[Prompt]:
    """Read anew when the card's values or the file's version change."""
    known = PromptSetCard.model_validate_json(card)
    if known.source is None:
        return prompts_of(known.prompts, known.kind, "prompts")
    rows = read_rows(known.source, known.columns or {}, known.max_prompts)
    return prompts_of(drawn_by_label(rows, known.max_per_label), known.kind, known.source)


def _version(source: str | None) -> str:
    if source is None or source.startswith("hf:"):
        return ""
    folder, _, name = source.rpartition("/")
    place = Folder(folder or ".")
    return place.version(name) if place.exists(name) else "absent"
