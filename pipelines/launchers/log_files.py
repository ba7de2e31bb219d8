"""Logs that processes write into one folder, read as they grow."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MOST_AT_ONCE = 2**20
"""Bytes of a file that are read at once."""


@dataclass
class LogFiles:
    """How far each file of a folder was read; a line counts once it is whole."""

    _read: dict[Path, int] = field(default_factory=dict)

    def skip(self, folder: Path) -> None:
        """Counts what is there as read: it is of an earlier job."""
        self._read |= {path: path.stat().st_size for path in folder.glob("*.log")}

    def lines(self, folder: Path) -> Iterator[tuple[str, str]]:
        """The file's stem and every line that was written since."""
        for path in sorted(folder.glob("*.log")):
            begin = self._read.get(path, 0)
            with path.open("rb") as file:
                file.seek(begin)
                found = file.read(MOST_AT_ONCE)
            whole = len(found) if len(found) == MOST_AT_ONCE and b"\n" not in found else found.rfind(b"\n") + 1
            self._read[path] = begin + whole
            for line in found[:whole].decode("utf-8", "replace").splitlines():
                if line.strip():
                    yield path.stem, line.rstrip()
