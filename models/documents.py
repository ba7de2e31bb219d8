"""Documents of a corpus: where text comes from, before any tokenizer has seen it."""

import hashlib
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NOT_SOURCE = {"site-packages", "test", "tests", "idle_test", "__pycache__"}
HELD_OUT_SHARE = 1 / 16


@dataclass(frozen=True, slots=True)
class Document:
    """One text and the name it goes by, stable across machines: a path relative to the corpus, or a row."""

    document_id: str
    text: str


def hash_order(name: str, seed: str = "") -> int:
    """A place in an order that depends on the name alone: 63 bits of its SHA-256."""
    return int.from_bytes(hashlib.sha256(f"{seed}\0{name}".encode()).digest()[:8], "big") >> 1


def is_held_out(document_id: str) -> bool:
    """Whether a document is kept from training, of language models and of SAEs alike: one in sixteen, by its hash."""
    return hash_order(document_id, "held out") < HELD_OUT_SHARE * 2**63


def stdlib_files(*, tests: bool = False) -> list[Path]:
    """Source files of this interpreter's standard library, without installed packages and, unless asked, without
    tests."""
    root = Path(sysconfig.get_path("stdlib"))
    refused = _NOT_SOURCE - {"test", "tests", "idle_test"} if tests else _NOT_SOURCE
    found = (path for path in root.rglob("*.py") if not refused & set(path.relative_to(root).parts[:-1]))
    return sorted(found)


def stdlib_documents(*, tests: bool = False) -> Iterator[Document]:
    """The standard library's source as documents, one a file, named by its path below the library's root."""
    root = Path(sysconfig.get_path("stdlib"))
    for path in stdlib_files(tests=tests):
        text = path.read_text(encoding="utf-8", errors="replace")
        if text.strip():
            yield Document(path.relative_to(root).as_posix(), text)
