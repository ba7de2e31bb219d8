"""One row of a prompt set: what the model is given, and what is asked about its answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from models.experiments.settings_base import PromptKind

WANTED: Mapping[PromptKind, tuple[str, ...]] = {
    "prompts": ("prompt",),
    "contrast_pairs": ("clean", "corrupt"),
    "labelled": ("prompt", "label"),
    "parallel": ("prompt", "language", "group"),
    "chat": ("messages",),
    "images": ("prompt",),
    "image_pairs": ("clean", "corrupt"),
}
"""Columns that each kind of prompt set has to have."""


class InvalidPrompt(ValueError):
    """A row of a prompt set cannot be used. The message names the row, what was found and what was wanted."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A row, as its author wrote it; what was left out is None."""

    prompt_id: int
    """Place in the set, counted from 0."""
    prompt: str | None = None
    clean: str | None = None
    """Of a contrast pair: the prompt with the property."""
    corrupt: str | None = None
    """The prompt without it."""
    answer: str | None = None
    """Text that follows the prompt (the clean one), its leading space included."""
    foil: str | None = None
    """Text that follows if the model is mistaken, or the corrupt prompt."""
    subject: str | None = None
    """A part of the prompt, letter by letter: what it is about."""
    group: str | None = None
    """Rows of one group are alike (a document, a template, a subject) and stay on one side of every split."""
    label: str | None = None
    language: str | None = None
    spurious: str | None = field(default=None, repr=False)
    """A second label, that a probe of the first might go by."""
    split: str | None = field(default=None, repr=False)
    """`train` or `test`, where the set's author divided it."""
    messages: tuple[Mapping[str, str], ...] | None = None
    """A conversation, for the model's chat template."""

    @property
    def text(self) -> str:
        """What is shown as the prompt: a conversation as its messages, one a line."""
        if self.messages is not None:
            return "\n".join(f"{message['role']}: {message['content']}" for message in self.messages)
        return (self.prompt if self.prompt is not None else self.clean) or ""


COLUMNS = tuple(column.name for column in fields(Prompt) if column.name != "prompt_id")


def prompts_of(rows: Iterable[Mapping[str, Any]], kind: PromptKind, where: str) -> Sequence[Prompt]:
    """Rows of a prompt set as prompts.

    Raises:
        InvalidPrompt: Naming the row that lacks a column of this kind, has an unknown one, or a value of another type.
    """
    prompts = [_prompt(number, row, kind, where) for number, row in enumerate(rows)]
    if not prompts:
        raise InvalidPrompt(f"{where} holds no prompts: write at least one row")
    return prompts


def _prompt(number: int, row: Mapping[str, Any], kind: PromptKind, where: str) -> Prompt:
    place = f"{where}, row {number}"
    if unknown := [name for name in row if name not in COLUMNS]:
        raise InvalidPrompt(f"{place}: unknown column {', '.join(map(str, unknown))}; there are {', '.join(COLUMNS)}")
    values = {name: value for name, value in row.items() if value is not None}
    if missing := [name for name in WANTED[kind] if values.get(name) in (None, "", [])]:
        raise InvalidPrompt(
            f"{place}: {', '.join(missing)} is missing or empty; a set of kind {kind} wants {', '.join(WANTED[kind])}"
        )
    messages = _messages(place, values.pop("messages", None))
    texts = {name: _text(place, name, value) for name, value in values.items()}
    return Prompt(number, **texts, messages=messages)


def _text(place: str, name: str, value: Any) -> str:
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str):
        raise InvalidPrompt(f"{place}: {name} is a {type(value).__name__}, wanted text")
    return value


def _messages(place: str, value: Any) -> tuple[Mapping[str, str], ...] | None:
    if value is None:
        return None
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(one, Mapping) for one in value):
        raise InvalidPrompt(f"{place}: messages is no list of messages, each with role and content")
    for message in value:
        if not all(isinstance(message.get(key), str) for key in ("role", "content")):
            raise InvalidPrompt(f"{place}: a message has {', '.join(message) or 'nothing'}, wanted role and content")
    return tuple({"role": message["role"], "content": message["content"]} for message in value)
