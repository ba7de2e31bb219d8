"""What is wrong with a card's values, as sentences: file, line and key, what was found and what was wanted."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from pipelines.registry.card_fields import section_of
from pipelines.registry.renamed_keys import renamed
from storage.visible_text import short_repr, visible

MOST_SHOWN = 12
"""Keys of a card that are complained about."""
_LONGEST = 600

Place = tuple[int | str, ...]


def error_messages(kind: type[BaseModel], file: str, node: yaml.Node, error: ValidationError) -> str:
    """A line for each key that is wrong, the first ones of many."""
    problems: dict[Place, list[Mapping[str, Any]]] = {}
    for problem in error.errors(include_url=False, include_context=False):
        problems.setdefault(_place(kind, problem["loc"]), []).append(problem)
    around = {place[:length] for place in problems for length in range(len(place))}
    innermost = [(place, found) for place, found in problems.items() if place not in around]
    lines = [
        f"{file}, line {_line(node, place)}: {_sentence(kind, file, place, found)}"
        for place, found in innermost[:MOST_SHOWN]
    ]
    if more := len(innermost) - MOST_SHOWN:
        lines += [f"{file}: and {more:,} more"] if more > 0 else []
    return "\n".join(lines)


def _sentence(kind: type[BaseModel], file: str, place: Place, problems: list[Mapping[str, Any]]) -> str:
    key = visible(".".join(map(str, place)) or "(whole card)", 100)
    value = problems[0]["input"]
    if (now := renamed(key, value)) and kind.__name__ == "RecipeCard":
        return now
    found = "" if isinstance(value, dict) else f" = {short_repr(value)}"
    if problems[0]["type"] == "extra_forbidden":
        known = _keys(kind, place[:-1])
        nearest = get_close_matches(visible(str(place[-1]), 100), known, 1)
        wanted = f"unknown key; {PurePosixPath(file).name} may have {', '.join(known)}"
        return f"{key}{found}: {wanted}" + (f": the nearest is {nearest[0]}" if nearest else "")
    wanted = "; or ".join(dict.fromkeys(problem["msg"].removeprefix("Value error, ") for problem in problems))
    unquoted = isinstance(value, int | float) and any(problem["type"] == "string_type" for problem in problems)
    return visible(f"{key}{found}: {wanted}{': put it in quotes' if unquoted else ''}", _LONGEST)


def _place(kind: type[BaseModel], location: Place) -> Place:
    """Keys and places in lists, without what pydantic says of the kinds of value that it tried."""
    place: list[int | str] = []
    section: type[BaseModel] | None = kind
    for part in location:
        if section is not None or isinstance(part, int):
            place.append(part)
        section = _section(section, part) if section is not None else None
    return tuple(place)


def _section(kind: type[BaseModel], key: int | str) -> type[BaseModel] | None:
    """The section of a card at a key; None where there is another value, or nothing."""
    for name, field in kind.model_fields.items():
        if key == (field.alias or name):
            return section_of(field)
    return None


def _keys(kind: type[BaseModel], where: Place) -> list[str]:
    for part in where:
        kind = _section(kind, part) or kind
    return [field.alias or name for name, field in kind.model_fields.items()]


def _line(node: yaml.Node, place: Place) -> int:
    """The line of the key that an error is about, or of the nearest key around it."""
    line = node.start_mark.line
    for part in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
            continue
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        pair = next(((key, value) for key, value in pairs if key.value == str(part)), None)
        if pair is None:
            break
        line, node = pair[0].start_mark.line, pair[1]
    return line + 1
