"""The forms that answers are given in: a JSON schema that the provider holds an LLM to, and what is read back.

Every item of an answer carries the id that it is about, so that an item which is missing, wrong, or given twice and
differently costs itself and no other.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.storable_text import REPLACEMENT, storable_json


def schema_of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


_ID = re.compile(r"[fw]\d+")
_TAG = re.compile(r"</?(?:peak|on|silent|window|feature)\b")
_AGAIN = re.compile(r"((?=[^\W_]).{2,}?)\1{4,}")
LONGEST = 300
"""Characters of a label or a reason that are kept."""


@dataclass(frozen=True, slots=True)
class AnswerSchema:
    """A list under one name; each item has an id and some values."""

    name: str
    values: Mapping[str, dict[str, Any]]
    read: Callable[[Mapping[str, Any]], Any]
    """What an item says; raises KeyError, TypeError or ValueError where it says nothing that can be used."""

    def schema(self, ids: Sequence[str]) -> dict[str, Any]:
        item = schema_of(id={"type": "string", "enum": list(ids)}, **self.values)
        return schema_of(**{self.name: {"type": "array", "items": item}})

    def parse(self, text: str) -> "ParsedAnswer":
        """Items by id; a text of another form is an error."""
        try:
            value = storable_json(_without_fence(text))
        except ValueError as error:
            return ParsedAnswer({}, {}, f"invalid JSON: {error}")
        items = value.get(self.name) if isinstance(value, dict) else None
        if not isinstance(items, list):
            return ParsedAnswer({}, {}, f"wanted an object with the list {self.name!r}, found {text[:80]!r}")
        has_replacement = REPLACEMENT in text or "\\ufffd" in text.lower()
        found, wrong, replaced = dict[str, Any](), dict[str, str](), set[str]()
        for item in items:
            name = item.get("id") if isinstance(item, dict) else None
            if not isinstance(name, str):
                continue
            try:
                said = self.read(item)
            except (KeyError, TypeError, ValueError) as error:
                wrong[name] = f"{error!s}" or type(error).__name__
                continue
            if name in found and found[name] != said:
                wrong[name] = "answered twice, and differently"
            found[name] = said
            if REPLACEMENT in str(said) and not has_replacement:
                replaced.add(name)
        said_of = {name: said for name, said in found.items() if name not in wrong}
        return ParsedAnswer(said_of, wrong, "", frozenset(replaced))


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """What an answer says by id, what is wrong with other ids, and what is wrong with all of it."""

    said: dict[str, Any]
    wrong: dict[str, str]
    error: str
    replaced: frozenset[str] = frozenset()
    """Ids in whose answers unpaired surrogates were replaced."""


def _without_fence(text: str) -> str:
    """What stands in a code fence, which some gateways put around JSON; the text itself where there is none."""
    if text.lstrip()[:1] in ("{", "["):
        return text
    fenced = re.search(r"^\s*```[A-Za-z]*\s*\n(.*?)\n\s*```", text, re.DOTALL | re.MULTILINE)
    return fenced[1] if fenced else text


def one_of(value: Any, options: Sequence[Any]) -> Any:
    if type(value) is not type(options[0]) or value not in options:
        raise ValueError(f"{value!r} is not among {', '.join(map(str, options))}")
    return value


def _line(text: Any) -> str:
    if not isinstance(text, str) or not text.split():
        raise ValueError("an empty text")
    return " ".join(text.split())[:LONGEST]


def checked_label(text: Any) -> str:
    """A label says something: what small models write in its place is not one."""
    line = _line(text)
    if _ID.fullmatch(line):
        raise ValueError(f"{line!r} is an id of the question, no label")
    if tag := _TAG.search(line):
        raise ValueError(f"a label with the question's own tag {tag[0]}…")
    if again := _AGAIN.search(line):
        raise ValueError(f"{again[1]!r} again and again, no label")
    return line


LABELS = AnswerSchema("labels", {"label": {"type": "string"}}, lambda item: checked_label(item["label"]))
