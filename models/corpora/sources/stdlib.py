"""The standard library of the interpreter that runs, as documents."""

import sysconfig
from collections.abc import Iterator
from pathlib import Path

from models.corpora.documents import Document

_NOT_SOURCE = {"site-packages", "test", "tests", "idle_test", "__pycache__"}


def stdlib_files(*, tests: bool = False) -> list[Path]:
    """Source files of this interpreter's standard library, without installed packages and, unless asked, without
    tests."""
    root = Path(sysconfig.get_path("stdlib"))
    refused = _NOT_SOURCE - {"test", "tests", "idle_test"} if tests else _NOT_SOURCE
    files = (path for path in root.rglob("*.py") if not refused & set(path.relative_to(root).parts[:-1]))
    return sorted(files)


def stdlib_documents(*, tests: bool = False) -> Iterator[Document]:
    """The standard library's source as documents, one a file, named by its path below the library's root."""
    root = Path(sysconfig.get_path("stdlib"))
    for path in stdlib_files(tests=tests):
        text = path.read_text(encoding="utf-8", errors="replace")
        if text.strip():
            yield Document(path.relative_to(root).as_posix(), text)
