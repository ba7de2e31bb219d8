"""Docstrings and code of the standard library's packages, apart: a labelled set that every machine has."""

import ast
import sysconfig
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from models.corpora.sources.stdlib import stdlib_files
from models.numerics.hash_sampling import hash_rank

PACKAGES = ("asyncio", "email", "importlib", "multiprocessing", "unittest", "xml")
"""Whose own words they are: pieces of them name what they do with, in docstrings and in code."""
SHORTEST, LONGEST = 80, 400
"""Characters of a piece."""


def stdlib_pieces() -> Iterator[dict[str, str]]:
    """Rows of a text set: the text (`prompt`), its package (`label`), its file (`group`), and whether it is a docstring
    or code (`spurious`), in an order by hash."""
    yield from map(dict, _rows())


@cache
def _rows() -> tuple[dict[str, str], ...]:
    """Parsed once: the library is that of the interpreter that runs."""
    root = Path(sysconfig.get_path("stdlib"))
    names = {path.relative_to(root).as_posix(): path for path in stdlib_files()}
    rows = [
        {"prompt": text, "label": package, "group": name, "spurious": kind}
        for name, path in names.items()
        if (package := name.partition("/")[0]) in PACKAGES
        for kind, text in _pieces(path.read_text(encoding="utf-8", errors="replace"))
    ]
    return tuple(sorted(rows, key=lambda row: hash_rank(row["prompt"], row["group"])))


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """The docstring and the code behind it of every function and class that has both, once each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        tree, lines = ast.parse(text), text.splitlines()
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or len(node.body) < 2:
            continue
        said = ast.get_docstring(node, clean=False)
        if said is None:
            continue
        code = "\n".join(lines[node.body[1].lineno - 1 : node.end_lineno])
        yield from ((kind, piece) for kind, piece in (("docstring", _cut(said)), ("code", _cut(code))) if piece)


def _cut(text: str) -> str:
    """Whole lines from its beginning; empty where they are too few."""
    kept = text[:LONGEST].rpartition("\n")[0] if len(text) > LONGEST else text
    return kept if len(kept.strip()) >= SHORTEST else ""
