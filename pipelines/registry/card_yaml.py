"""The YAML of a card: plain keys and values, and limits that are held before a value is made.

Numbers are decimal as in YAML 1.2: 1:30 is no 90 and 0100 no 64, 1e6 is a number, and there are no dates.
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

import yaml
from yaml._yaml import CParser
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from storage.visible_text import visible

MOST_BYTES = 65_536
"""Of a card, as it stands and with its aliases written out."""
MOST_LEVELS = 16
"""Lists and sections within each other; cards have three."""
_LONGEST_NUMBER = 1_000
_OTHERWISE = {f"tag:yaml.org,2002:{name}" for name in ("int", "float", "timestamp", "value")}
_NAMES = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"}
_INT = re.compile(r"[-+]?[0-9][0-9_]*\Z")
_FLOAT = re.compile(
    r"(?:[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)


class InvalidCard(ValueError):
    """A card cannot be read. The message names file, line and key."""


def read_yaml(file: str, text: str) -> tuple[yaml.Node, dict[Any, Any]]:
    """A card's values, and the nodes that know their lines.

    Raises:
        InvalidCard: If it is not YAML, no mapping of keys to values, has a key twice or is beyond a limit.
    """
    if len(text) > MOST_BYTES:
        raise too_large(file)
    try:
        loader = _CardLoader(file, text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            found = "nothing" if node is None else f"a {getattr(node, 'id', 'value')} {visible(text.strip(), 40)!r}"
            raise InvalidCard(f"{file}, line 1: found {found}, wanted keys and values such as `source: …`")
        _check_aliases(file, node)
        _check_keys(file, node)
        return node, loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _not_yaml(file, getattr(error, "problem", None) or error, mark.line + 1 if mark else None) from error
    except (ValueError, OverflowError) as error:  # an escape such as "\U00110000"
        raise error if isinstance(error, InvalidCard) else _not_yaml(file, error, None) from error


def too_large(file: str) -> InvalidCard:
    return InvalidCard(
        f"{file} is larger than {MOST_BYTES:,} bytes, with its aliases written out: a card has some lines. Say the "
        "number of features in the place of a long list, or delete the card"
    )


class _CardLoader(Composer, CParser, SafeConstructor, Resolver):
    """Reads plain values only: no tags, and nothing deeper than the limit. libyaml finds the events, Python makes nodes
    of them."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in known if tag not in _OTHERWISE]
        for first, known in Resolver.yaml_implicit_resolvers.items()
    }

    def __init__(self, file: str, text: str):
        CParser.__init__(self, text)
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        Resolver.__init__(self)
        self._file, self._level = file, 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()
        where = f"{self._file}, line {event.start_mark.line + 1}"
        if tag := getattr(event, "tag", None):
            raise InvalidCard(f"{where}: found the tag {visible(tag, 60)}, wanted a plain value: leave the tag out")
        if self._level > MOST_LEVELS:
            raise _too_deep(where)
        self._level += 1
        node = super().compose_node(parent, index)
        self._level -= 1
        return node


def _whole_number(loader: Any, node: yaml.ScalarNode) -> int | str:
    """Python refuses to spell longer numbers; no card wants one."""
    text = node.value
    return int(text.replace("_", "")) if len(text) <= _LONGEST_NUMBER else text


_CardLoader.add_implicit_resolver("tag:yaml.org,2002:int", _INT, list("-+0123456789"))
_CardLoader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
_CardLoader.add_constructor("tag:yaml.org,2002:int", _whole_number)


def _check_aliases(file: str, root: yaml.Node) -> None:
    """Follows every alias as if it were written out, and stops at the limits."""
    size, open_nodes = 0, [(root, 0)]
    while open_nodes:
        node, level = open_nodes.pop()
        size += 1 + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
        if size > MOST_BYTES:
            raise too_large(file)
        if level > MOST_LEVELS:
            raise _too_deep(f"{file}, line {node.start_mark.line + 1}")
        open_nodes.extend((part, level + 1) for part in _parts(node))


def _parts(node: yaml.Node) -> Iterator[yaml.Node]:
    for part in node.value if isinstance(node, yaml.CollectionNode) else ():
        yield from part if isinstance(part, tuple) else (part,)


def _check_keys(file: str, node: yaml.Node) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.tag not in _NAMES or not key.value.isprintable():
            shown = visible(key.value, 60) if isinstance(key, yaml.ScalarNode) else "a list or section"
            raise InvalidCard(f"{file}, line {line}: found {shown} as a key, wanted a name")
        if key.value in lines:
            raise InvalidCard(
                f"{file}, line {line}: key {visible(key.value, 60)!r} stands a second time (first on line "
                f"{lines[key.value]}): keep one"
            )
        lines[key.value] = line
        _check_keys(file, value)


def _too_deep(where: str) -> InvalidCard:
    return InvalidCard(
        f"{where}: more than {MOST_LEVELS} lists and sections within each other, or an alias within what it names: a "
        "card has three levels"
    )


def _not_yaml(file: str, problem: Any, line: int | None) -> InvalidCard:
    where = f"{file}, line {line}" if line else file
    return InvalidCard(f"{where}: not YAML ({visible(str(problem), 200)}): mend the line or delete the card")
