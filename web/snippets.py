"""Texts that are too long for an address, named by their hash: remembered for a while, kept if a folder is given.

Nothing is written where no folder is given: a text is then forgotten with the server, or when others came after it.
"""

import hashlib
import os
import re
from pathlib import Path
from threading import Lock
from uuid import uuid4

from cachetools import LRUCache

REMEMBERED = 64
"""Texts in memory."""
MOST_KEPT = 10_000
"""Texts in the folder: no visitor fills a disk."""
_NAME = re.compile("[0-9a-f]{32}")


class Snippets:
    """Texts by the hash of their content."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._lock = Lock()
        self._remembered: LRUCache[str, str] = LRUCache(REMEMBERED)

    def add(self, text: str) -> str:
        """Remembers a text; returns its name."""
        name = _name(text)
        with self._lock:
            self._remembered[name] = text
        return name

    def keep(self, text: str) -> str:
        """Remembers a text and writes it to the folder, if there is one with room; returns its name."""
        name = self.add(text)
        if self.folder is not None and not self.is_kept(name) and self._has_room():
            self.folder.mkdir(parents=True, exist_ok=True)
            part = self.folder / f".{name}-{uuid4().hex}"
            part.write_bytes(text.encode("utf-8", "replace"))
            os.replace(part, self._file(name))
        return name

    def get(self, name: str) -> str | None:
        """The text of a name; None where it is none, or is no longer remembered."""
        if not _NAME.fullmatch(name):
            return None
        with self._lock:
            if name in self._remembered:
                return self._remembered[name]
        if not self.is_kept(name):
            return None
        text = self._file(name).read_bytes().decode("utf-8", "replace")
        return text if _name(text) == name else None

    def is_kept(self, name: str) -> bool:
        """Whether a text outlives the server."""
        return self.folder is not None and self._file(name).is_file()

    def _has_room(self) -> bool:
        assert self.folder is not None
        return not self.folder.exists() or sum(1 for _ in os.scandir(self.folder)) < MOST_KEPT

    def _file(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{name}.txt"


def _name(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
