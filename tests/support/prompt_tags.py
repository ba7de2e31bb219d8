"""The tags of our prompts read back as a tree, as a reader would who trusts tags alone.

A tag is what is written as one, with a name that the prompts use; everything else is text, unescaped when it is read.
What does not nest is read like a browser would: a closing tag without its opening one is dropped, an opening one
without its closing one lasts until its parent ends. Text that escapes its tags is then found outside them.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

NAMES = "feature label window peak on t silent promoted suppressed after token option picture"
TAG = re.compile(rf'<(/?)({"|".join(NAMES.split())})((?: [a-z]+="[^"<>]*")*)>')
ATTRIBUTE = re.compile(r'([a-z]+)="([^"]*)"')


@dataclass
class Element:
    """A tag, what it says of itself, and what stands inside: texts (unescaped) and other elements."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    inside: "list[Element | str]" = field(default_factory=list)

    def all(self, tag: str) -> "list[Element]":
        """Elements of a tag right inside this one."""
        return [child for child in self.inside if isinstance(child, Element) and child.tag == tag]

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.inside)

    def outside(self, tags: frozenset[str]) -> Iterator[str]:
        """Texts that stand in none of the tags."""
        for child in self.inside:
            if isinstance(child, str):
                yield child
            elif child.tag not in tags:
                yield from child.outside(tags)


def parse(text: str) -> Element:
    """The root, which has no tag, of everything."""
    root = Element("")
    opened = [root]
    at = 0
    for match in TAG.finditer(text):
        if match.start() > at:
            opened[-1].inside.append(html.unescape(text[at : match.start()]))
        at = match.end()
        closes, tag, attributes = match.groups()
        if not closes:
            child = Element(tag, dict(ATTRIBUTE.findall(attributes)))
            opened[-1].inside.append(child)
            opened.append(child)
        elif tag in (element.tag for element in opened):
            while opened.pop().tag != tag:
                pass
    if at < len(text):
        opened[-1].inside.append(html.unescape(text[at:]))
    return root


def said_by(body: dict[str, Any], role: str) -> str:
    """All that a request says as 'system' or 'user', whether in one text or in blocks; a picture as a tag with its
    number."""
    contents = [body.get("system", "")] if role == "system" else []
    contents += [turn["content"] for turn in body["messages"] if turn["role"] == role]
    number = count()

    def text(block: dict[str, Any]) -> str:
        return block["text"] if block["type"] == "text" else f'<picture n="{next(number)}"></picture>'

    return "\n".join(c if isinstance(c, str) else "".join(map(text, c)) for c in contents)
