"""Files, local or on S3: no other module asks where it runs."""

import functools
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from storage import local_files
from storage.unwritable import refusals
from storage.written_bytes import add_written

TEMPORARY = ".tmp-"
"""How the name of a file begins that is not whole yet."""
LEFT_BEHIND = 3600.0
"""Seconds after which a temporary file that nobody has written to is that of a killed writer."""


class AbsentFolder(ValueError):
    """A folder that must be there is not: its name is mistyped, it is not mounted, or its bucket does not exist."""


_LOCAL = LocalFileSystem()


def _opened(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    if "://" in url:
        return _opened_by_url(url)
    return _LOCAL, _absolute(url) if url.startswith("/") else _LOCAL._strip_protocol(url)  # else the working folder's


@functools.lru_cache(maxsize=4096)
def _absolute(url: str) -> str:
    """A chain asks for paths some six thousand times."""
    return _LOCAL._strip_protocol(url)


@functools.lru_cache(maxsize=64)
def _opened_by_url(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    filesystem, path = fsspec.core.url_to_fs(url)
    return filesystem, path


def _name(entry: dict[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder named by a path or a URL such as `s3://bucket/prefix`; it need not exist until something is written.

    Whoever must tell an absent folder from an empty one asks `require`. Links are followed; reading one that leads
    nowhere is a `BrokenLink`.

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

    def _readable(self, name: str) -> str:
        """Where the filesystem knows a file that is about to be read; raises BrokenLink."""
        if self.is_local:
            local_files.refuse_broken_link(self._at(name))
        return self._at(name)

    def exists(self, name: str = "") -> bool:
        """Whether a file, or the folder itself, is there; raises BrokenLink."""
        if self.is_local:
            return local_files.exists(self._at(name))
        self.filesystem.invalidate_cache()
        return self.filesystem.exists(self._at(name))

    def require_file(self, name: str) -> None:
        """Raises BrokenLink if a file is a link that leads nowhere."""
        self._readable(name)

    def require(self, what: str, remedy: str) -> None:
        """Tells a folder that is not there from one that is empty.

        Raises:
            AbsentFolder: If it is not there: `what` it is, why, and the `remedy`.
        """
        if why := self.absence():
            raise AbsentFolder(f"{what} {self} is not there ({why}): {remedy}")

    def require_bucket(self) -> None:
        """Tells a file that is gone from a store that is: raises AbsentFolder if its bucket is not there any more."""
        if not self.is_local:
            self.filesystem.invalidate_cache()
            if not self.filesystem.exists(bucket := self.path.split("/")[0]):
                raise AbsentFolder(
                    f"there is no bucket {bucket!r} any more, or it is not ours, and {self} lay there: bring it back, "
                    "or correct GLASSHOUSE_HOME, and run again"
                )

    def absence(self) -> str | None:
        """Why the folder is not there; None where it is. In an object store, an empty one is not there."""
        self.filesystem.invalidate_cache()
        if self.filesystem.isdir(self.path):
            return None
        if not self.is_local:
            bucket = self.path.split("/")[0]
            known = self.filesystem.exists(bucket)
            return "nothing lies under that prefix" if known else f"there is no bucket {bucket!r}, or it is not ours"
        try:
            return "it is a file" if local_files.exists(self.path) else "no such folder"
        except local_files.BrokenLink as error:
            return str(error)

    def _entries(self) -> list[tuple[str, bool]]:
        """Name of every file and folder directly in it, and whether it is a folder."""
        if self.is_local:
            return local_files.entries(self.path)
        listed = ((_name(entry), entry["type"]) for entry in self._remote_listing())
        return sorted((name, kind == "directory") for name, kind in listed if kind in ("file", "directory"))

    def _remote_listing(self) -> list[dict[str, Any]]:
        self.filesystem.invalidate_cache()
        return self.filesystem.ls(self.path, detail=True) if self.filesystem.isdir(self.path) else []

    def names(self) -> list[str]:
        """Files directly in the folder, sorted; none where the folder does not exist. Temporary files are not
        listed."""
        return [name for name, is_folder in self._entries() if not is_folder and not name.startswith(TEMPORARY)]

    def folders(self) -> list[str]:
        """Folders directly in the folder, sorted."""
        return [name for name, is_folder in self._entries() if is_folder]

    def files_below(self, depth: int | None = None) -> list[str]:
        """Paths, relative to the folder, of every file below it, nothing hidden; raises BrokenLink for a loop.

        Args:
            depth: Folders to go down: with 1, files directly in it.
        """
        if self.is_local:
            return list(local_files.files_below(self.path, depth))
        self.filesystem.invalidate_cache()
        found = self.filesystem.find(self.path, maxdepth=depth)
        paths = [str(path).removeprefix(f"{self.path.rstrip('/')}/") for path in found]
        return [path for path in paths if not any(part.startswith(".") for part in path.split("/"))]

    def size(self, name: str) -> int:
        return int(self.filesystem.info(self._readable(name))["size"] or 0)

    def age(self, name: str) -> float:
        """Seconds since a file was written."""
        info = self.filesystem.info(self._readable(name))
        written = info.get("mtime") or info["LastModified"].timestamp()
        return time.time() - float(written)

    def version(self, name: str) -> str:
        """What changes when a file does: its size and its time of change, or its ETag on S3."""
        info = self.filesystem.info(self._readable(name))
        return f"{info['size']} {info.get('ETag') or info.get('mtime')}"

    def versions(self) -> dict[str, str]:
        """What changes whenever a file is written again, be it with the same content: size and time, of each of
        `names`; the time of a link that leads nowhere is its own."""
        if self.is_local:
            found = {name: local_files.version(self._at(name)) for name in self.names()}
            return {name: version for name, version in found.items() if version is not None}
        files = {_name(entry): entry for entry in self._remote_listing() if entry["type"] == "file"}
        names = sorted(name for name in files if not name.startswith(TEMPORARY))
        return {name: f"{files[name]['size']} {files[name].get('LastModified')}" for name in names}

    def read_bytes(self, name: str) -> bytes:
        return cast(bytes, self.filesystem.cat_file(self._readable(name)))

    def samples(self, name: str, starts: Sequence[int], size: int) -> list[bytes]:
        """Pieces of a file, fetched by themselves: no read-ahead of an object store brings the rest along."""
        if self.is_local:
            return local_files.samples(self._readable(name), starts, size)
        n, ends = len(starts), [start + size for start in starts]
        return cast(list[bytes], self.filesystem.cat_ranges([self._readable(name)] * n, list(starts), ends))

    def write_bytes(self, name: str, data: bytes) -> None:
        with self.writing(name) as path:
            path.write_bytes(data)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A local path to write the file to; it is published under `name` when the block ends without an error.

        Raises:
            Unwritable: If the disk is full or the folder may not be written; what was there before stays.
        """
        with refusals(f"{self}/{name}"), self._writing(name) as path:
            yield path

    @contextmanager
    def _writing(self, name: str) -> Iterator[Path]:
        directory = Path(self.path) if self.is_local else Path(tempfile.mkdtemp(prefix="glasshouse-"))
        directory.mkdir(parents=True, exist_ok=True)
        temporary = directory / f"{TEMPORARY}{uuid.uuid4().hex}-{name}"
        try:
            yield temporary
            n_bytes = temporary.stat().st_size
            if self.is_local:
                with temporary.open("rb") as written:
                    os.fsync(written.fileno())
                temporary.replace(directory / name)
            else:
                self._upload(temporary, name)
            add_written(n_bytes)
        finally:
            temporary.unlink(missing_ok=True)
            if not self.is_local:
                shutil.rmtree(directory, ignore_errors=True)

    def _upload(self, file: Path, name: str) -> None:
        try:
            self.filesystem.put_file(str(file), self._at(name))
        except FileNotFoundError:
            self.require_bucket()
            raise

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        """A local path that holds the file's bytes while the block lasts: the file itself, or a download."""
        if self.is_local:
            yield Path(self._readable(name))
            return
        with tempfile.TemporaryDirectory(prefix="glasshouse-") as directory:
            path = Path(directory) / name
            self.filesystem.get_file(self._at(name), str(path))
            yield path

    def remove(self, name: str = "") -> None:
        """Deletes a file or, without a name, the folder and all in it; nothing happens where there is none. Of a link,
        the link itself goes.

        Raises:
            Unwritable: If the disk is broken or the folder may not be changed.
        """
        with refusals(f"{self}/{name}".rstrip("/")):
            if self.is_local and os.path.islink(self._at(name)):
                os.unlink(self._at(name))
            elif self.exists(name) and self.is_local:
                local_files.remove_tree(self._at(name))
            elif self.exists(name):
                self.filesystem.rm(self._at(name), recursive=not name)

    def sweep(self) -> None:
        """Deletes temporary files that a killed writer left behind: younger ones may be another process's, at work."""
        if self.is_local:
            with refusals(f"{self}/{TEMPORARY}*"):
                for left in Path(self.path).glob(f"{TEMPORARY}*"):
                    local_files.remove_if_older(left, LEFT_BEHIND)
