"""Text files: whether a file is UTF-8 text, and its text in pieces of bounded length."""

import codecs
from collections.abc import Iterator
from pathlib import Path

PIECE = 1 << 14
"""Characters of a document cut from a longer file. A corpus may be one file, and documents are what is held out or not:
with pieces of 16 Ki a corpus of 1 MB has some on either side, and memory does not grow with the file."""


def looks_binary(path: Path) -> bool:
    """Whether a NUL stands among the first 8,000 bytes: the rule by which git tells binary files from text."""
    with path.open("rb") as file:
        return b"\0" in file.read(8000)


def is_utf8(path: Path) -> bool:
    """Reads the file once through, a block at a time."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def split_text(path: Path, length: int = PIECE) -> Iterator[str]:
    """The file's text in pieces of at most `length` characters, each ending with a paragraph or a line if it can.

    Joined they are the text, without a byte order mark and with line ends as `\\n`.
    """
    with path.open(encoding="utf-8-sig") as file:
        text = ""
        while block := file.read(length):
            text += block
            while len(text) > length:
                end = _last_break(text, length)
                yield text[:end]
                text = text[end:]
    yield text


def _last_break(text: str, length: int) -> int:
    """Where the last paragraph or else line of the first `length` characters ends, looked for in their second half."""
    for mark in ("\n\n", "\n"):
        at = text.rfind(mark, length // 2, length)
        if at >= 0:
            return at + len(mark)
    return length
