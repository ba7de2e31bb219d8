"""Files, local or on S3: no other module asks where it runs."""

import errno
import functools
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR}


class Unwritable(OSError):
    """The store takes no more: it is full, read-only or not ours. Make room or mend its rights, and run again."""


def _error_number(error: Exception) -> int:
    """The system's number of an error, be it only in the text of a library that is not Python's; 0 for none."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    named = re.search(r"\(os error (\d+)\)|\[errno (\d+)\]", str(error), re.IGNORECASE)
    return int(named[1] or named[2]) if named else 0


@functools.lru_cache(maxsize=64)
def _opened(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    filesystem, path = fsspec.core.url_to_fs(url)
    return filesystem, path


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder named by a path or a URL such as `s3://bucket/prefix`; it need not exist until something is written.

    A file appears whole or not at all: it is written under a temporary name beside its place (local) or uploaded in
    one go (object stores), never half.
    """

    url: str

    def __truediv__(self, name: str) -> "Folder":
        return Folder(f"{self.url.rstrip('/')}/{name}")

    def __str__(self) -> str:
        return self.url

    @property
    def filesystem(self) -> fsspec.AbstractFileSystem:
        return _opened(self.url)[0]

    @property
    def path(self) -> str:
        """Where the filesystem knows the folder: without the protocol, absolute when local."""
        return _opened(self.url)[1]

    @property
    def is_local(self) -> bool:
        return isinstance(self.filesystem, LocalFileSystem)

    def _at(self, name: str) -> str:
        return f"{self.path}/{name}" if name else self.path

    def exists(self, name: str = "") -> bool:
        self.filesystem.invalidate_cache()
        return self.filesystem.exists(self._at(name))

    def names(self) -> list[str]:
        """Files directly in the folder, sorted; none where the folder does not exist. Temporary files are not
        listed."""
        self.filesystem.invalidate_cache()
        if not self.filesystem.isdir(self.path):
            return []
        files = [entry["name"] for entry in self.filesystem.ls(self.path, detail=True) if entry["type"] == "file"]
        return sorted(name for name in (f.rsplit("/", 1)[-1] for f in files) if not name.startswith(".tmp-"))

    def folders(self) -> list[str]:
        """Folders directly in the folder, sorted."""
        self.filesystem.invalidate_cache()
        if not self.filesystem.isdir(self.path):
            return []
        entries = self.filesystem.ls(self.path, detail=True)
        return sorted(e["name"].rstrip("/").rsplit("/", 1)[-1] for e in entries if e["type"] == "directory")

    def size(self, name: str) -> int:
        return int(self.filesystem.info(self._at(name))["size"] or 0)

    def version(self, name: str) -> str:
        """What changes when a file does: its size and its time of change, or its ETag on S3."""
        info = self.filesystem.info(self._at(name))
        return f"{info['size']} {info.get('ETag') or info.get('mtime')}"

    def read_bytes(self, name: str) -> bytes:
        return cast(bytes, self.filesystem.cat_file(self._at(name)))

    def samples(self, name: str, starts: Sequence[int], size: int) -> list[bytes]:
        """Pieces of a file, fetched by themselves: no read-ahead of an object store brings the rest along."""
        n, ends = len(starts), [start + size for start in starts]
        return cast(list[bytes], self.filesystem.cat_ranges([self._at(name)] * n, list(starts), ends))

    def write_bytes(self, name: str, data: bytes) -> None:
        with self.writing(name) as path:
            path.write_bytes(data)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A local path to write the file to; it is published under `name` when the block ends without an error.

        Raises:
            Unwritable: If the disk is full or the folder may not be written; what was there before stays.
        """
        try:
            with self._writing(name) as path:
                yield path
        except Exception as error:
            number = _error_number(error)
            if number not in _UNWRITABLE or isinstance(error, Unwritable):
                raise
            raise Unwritable(
                f"{self}/{name} could not be written ({os.strerror(number)}): what was there stays, nothing "
                "half-written is left. Make room, or make the folder writable, and run again: it goes on from there"
            ) from error

    @contextmanager
    def _writing(self, name: str) -> Iterator[Path]:
        directory = Path(self.path) if self.is_local else Path(tempfile.mkdtemp(prefix="glasshouse-"))
        directory.mkdir(parents=True, exist_ok=True)
        temporary = directory / f".tmp-{uuid.uuid4().hex}-{name}"
        try:
            yield temporary
            if self.is_local:
                with temporary.open("rb") as written:
                    os.fsync(written.fileno())
                temporary.replace(directory / name)
            else:
                self.filesystem.put_file(str(temporary), self._at(name))
        finally:
            temporary.unlink(missing_ok=True)
            if not self.is_local:
                shutil.rmtree(directory, ignore_errors=True)

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        """A local path that holds the file's bytes while the block lasts: the file itself, or a download."""
        if self.is_local:
            yield Path(self._at(name))
            return
        with tempfile.TemporaryDirectory(prefix="glasshouse-") as directory:
            path = Path(directory) / name
            self.filesystem.get_file(self._at(name), str(path))
            yield path

    def remove(self, name: str = "") -> None:
        """Deletes a file or, without a name, the folder and all in it; nothing happens where there is none."""
        if self.exists(name):
            self.filesystem.rm(self._at(name), recursive=not name)

    def sweep(self) -> None:
        """Deletes temporary files that a killed writer left behind."""
        if self.is_local and Path(self.path).is_dir():
            for left in Path(self.path).glob(".tmp-*"):
                left.unlink(missing_ok=True)
