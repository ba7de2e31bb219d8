"""Whole functions and classes of the standard library that the bundled model never saw in training."""

import ast
import sysconfig
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from models.corpora.documents import is_held_out
from models.corpora.sources.stdlib import stdlib_files
from models.numerics.hash_sampling import hash_rank

SHORTEST, LONGEST = 150, 500
"""Characters: long enough to hold structure, short enough for a context of 256 tokens."""


def stdlib_functions() -> Iterator[dict[str, str]]:
    """Rows of a prompt set: the text (`prompt`) and the file that it stands in (`group`), in an order by hash."""
    yield from map(dict, _rows())


@cache
def _rows() -> tuple[dict[str, str], ...]:
    """Parsed once: the library is that of the interpreter that runs."""
    root = Path(sysconfig.get_path("stdlib"))
    names = {path.relative_to(root).as_posix(): path for path in stdlib_files()}
    rows = [
        {"prompt": text, "group": name}
        for name, path in names.items()
        if is_held_out(name)
        for text in _definitions(path.read_text(encoding="utf-8", errors="replace"))
    ]
    return tuple(sorted(rows, key=lambda row: hash_rank(row["prompt"], row["group"])))


def _definitions(text: str) -> Iterator[str]:
    """At the top of a file, so that each is a program by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        tree = ast.parse(text)
    lines = text.split("\n")
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.decorator_list:
            # As `ast.get_source_segment`, which goes through the whole file by characters each time.
            *before, last = lines[node.lineno - 1 : node.end_lineno]
            source = "\n".join([*before, last.encode()[: node.end_col_offset].decode()])
            if SHORTEST <= len(source) <= LONGEST:
                yield source + "\n"
