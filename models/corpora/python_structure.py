"""What Python's own tokenizer and parser say of every character of a program: labels for probes, true by definition.

Bracket depth, indentation, string or comment, and whether a name that is read was bound further up.
"""

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

PythonTask = Literal["bracket_depth", "indentation", "text_kind", "name_bound"]
TASKS: tuple[PythonTask, ...] = get_args(PythonTask)
DEEPEST = 3
"""Depths from here on are one label."""
_BLANK = (tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


class InvalidPython(ValueError):
    """A text is no Python program. Give the prompt set whole statements."""


@dataclass(frozen=True, slots=True)
class PythonStructure:
    """Labels of every character once it was read; None where a task asks nothing of it.

    `bracket_depth`: brackets that are open, "0" to "3+". `indentation`: blocks that the line stands in, likewise.
    `text_kind`: code, string or comment. `name_bound`: of the last character of a name that is read, "bound" if the
    text bound it further up (an assignment, a parameter, an import, a definition, a loop), "free" if not.
    """

    labels: Mapping[PythonTask, Sequence[str | None]]

    @classmethod
    def of(cls, text: str) -> "PythonStructure":
        """Of a program.

        Raises:
            InvalidPython: If it cannot be cut or parsed.
        """
        try:
            tokens, tree = list(tokenize.generate_tokens(io.StringIO(text).readline)), ast.parse(text)
        except (SyntaxError, tokenize.TokenError, ValueError) as error:
            raise InvalidPython(
                f"{text[:40]!r}… is no Python program ({error}): give whole statements, such as a function"
            ) from error
        lines = _Lines.of(text)
        return cls({**_token_labels(tokens, lines, len(text)), "name_bound": _name_labels(tree, lines, len(text))})


@dataclass(frozen=True, slots=True)
class _Lines:
    """Where lines begin; rows are counted from 1."""

    starts: Sequence[int]
    texts: Sequence[str]

    @classmethod
    def of(cls, text: str) -> "_Lines":
        texts = io.StringIO(text).readlines()
        starts = [0]
        for line in texts:
            starts.append(starts[-1] + len(line))
        return cls(starts, [*texts, ""])

    def of_characters(self, row: int, column: int) -> int:
        return self.starts[min(row, len(self.starts)) - 1] + column

    def of_bytes(self, row: int, column: int) -> int:
        """The parser counts bytes of UTF-8."""
        return self.starts[row - 1] + len(self.texts[row - 1].encode()[:column].decode())


def _token_labels(
    tokens: Sequence[tokenize.TokenInfo], lines: _Lines, n: int
) -> dict[PythonTask, Sequence[str | None]]:
    depth = level = done = inside = 0
    depths, levels, kinds = [0] * n, [0] * n, ["code"] * n
    for token in tokens:
        level += (token.type == tokenize.INDENT) - (token.type == tokenize.DEDENT)
        if token.type in _BLANK:
            continue
        start, end = lines.of_characters(*token.start), min(lines.of_characters(*token.end), n)
        name = tokenize.tok_name[token.type]
        inside += name.endswith("STRING_START")  # of an f-string, from Python 3.12 on
        kind = "comment" if token.type == tokenize.COMMENT else "string" if "STRING" in name or inside else "code"
        inside -= name.endswith("STRING_END")
        depths[done:start] = [depth] * (start - done)
        depth += token.type == tokenize.OP and (token.string in "([{") - (token.string in ")]}")
        depths[start:end], kinds[start:end] = [depth] * (end - start), [kind] * (end - start)
        levels[done:end] = [level] * (end - done)
        done = end
    return {
        "bracket_depth": [_counted(each) for each in depths],
        "indentation": [_counted(each) for each in levels],
        "text_kind": kinds,
    }


def _counted(number: int) -> str:
    return f"{DEEPEST}+" if number >= DEEPEST else str(number)


def _name_labels(tree: ast.AST, lines: _Lines, n: int) -> Sequence[str | None]:
    bound: dict[str, int] = {}
    for name, place in _bindings(tree, lines):
        bound[name] = min(place, bound.get(name, n))
    labels: list[str | None] = [None] * n
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            start = lines.of_bytes(node.lineno, node.col_offset)
            labels[start + len(node.id) - 1] = "bound" if bound.get(node.id, n) < start else "free"
    return labels


def _bindings(tree: ast.AST, lines: _Lines) -> Iterator[tuple[str, int]]:
    """Names that the text binds, with the place from which on they are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, lines.of_bytes(node.lineno, node.col_offset)
        elif isinstance(node, ast.arg):
            yield node.arg, lines.of_bytes(node.lineno, node.col_offset)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, lines.of_bytes(node.lineno, node.col_offset)
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0], lines.of_bytes(node.lineno, node.col_offset)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name, lines.of_bytes(node.lineno, node.col_offset)
