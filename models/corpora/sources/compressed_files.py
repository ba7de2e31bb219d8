"""Compressed files: what is inside, in a temporary file."""

import lzma
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

CODECS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".lz4": "lz4", ".xz": "xz"}
MOST_TIMES = 1000
"""How many times as long as itself a file may become: text reaches some tens, a bomb a thousand and more."""
BLOCK = 1 << 20


class BrokenArchive(ValueError):
    """A compressed file is cut short, damaged, or becomes too long."""


def inner_name(name: str) -> str:
    """The name without the suffix of its compression."""
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in CODECS else name


@contextmanager
def expanded(path: Path, name: str) -> Iterator[Path]:
    """A local path with the content of a file, expanded if its name says that it is compressed.

    Raises:
        BrokenArchive: If it cannot be expanded.
    """
    codec = CODECS.get(PurePosixPath(name).suffix.lower())
    if codec is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="glasshouse-") as folder:
        inner = Path(folder) / "expanded"
        try:
            _expand(path, codec, inner)
        except (OSError, EOFError, lzma.LZMAError, pa.ArrowException) as error:
            raise BrokenArchive(f"broken {codec}") from error
        yield inner


def _expand(path: Path, codec: str, target: Path) -> None:
    most, n = MOST_TIMES * max(path.stat().st_size, BLOCK // MOST_TIMES), 0
    with _opened(path, codec) as source, target.open("wb") as file:
        while block := source.read(BLOCK):
            n += len(block)
            if n > most:
                raise BrokenArchive(f"{codec} that becomes more than {MOST_TIMES:,} times as long")
            file.write(block)


def _opened(path: Path, codec: str) -> Any:
    if codec == "xz":
        return lzma.open(path)
    return pa.CompressedInputStream(pa.OSFile(str(path)), codec)
