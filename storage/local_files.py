"""What lies in a local folder: links are followed, and a link that leads nowhere, or back to itself, is named."""

import errno
import os
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

PATIENCE_S, PAUSE_S = 10.0, 0.05
"""How long a folder is deleted again into which somebody still writes, and how often."""
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}


class BrokenLink(ValueError):
    """A symbolic link leads nowhere, or back to a folder that it lies in. Mend the link or remove it."""


def exists(path: str) -> bool:
    """Whether something is there; what may not be looked at is an error, not absent.

    Raises:
        BrokenLink: If a link of that name leads nowhere.
    """
    refuse_broken_link(path)
    try:
        os.stat(path)
    except OSError as error:
        if error.errno in _ABSENT:
            return False
        raise
    except ValueError:  # a NUL in the path
        return False
    return True


def refuse_broken_link(path: str) -> None:
    """Raises BrokenLink if the path is a link, and what it leads to is not there."""
    if not os.path.islink(path):
        return
    try:
        os.stat(path)
    except OSError as error:
        why = {errno.ENOENT: "which is not there", errno.ELOOP: "which leads back to itself"}
        raise BrokenLink(
            f"{path} is a link to {os.readlink(path)}, {why.get(error.errno or 0, error.strerror)}: mend the link, "
            "remove it, or mount what it leads to"
        ) from error


def entries(path: str) -> list[tuple[str, bool]]:
    """Name of every file and folder directly in a folder, sorted, and whether it is a folder; none where it is not
    there. A link is what it leads to, and a file where it leads nowhere: whoever reads it is told."""
    try:
        with os.scandir(path) as listed:
            return sorted((each.name, os.path.isdir(each.path)) for each in listed if _is_entry(each))
    except OSError as error:
        if error.errno in _ABSENT:
            return []
        raise


def _is_entry(each: os.DirEntry[str]) -> bool:
    """Whether it is a file, a folder or a broken link: a socket or a pipe is none of them."""
    try:
        mode = os.stat(each.path).st_mode
    except OSError:
        return each.is_symlink()
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def version(path: str) -> str | None:
    """Size of a file and when it was written; of a link that leads nowhere, those of the link; None of what is gone."""
    try:
        about = os.stat(path) if os.path.exists(path) else os.lstat(path)
    except FileNotFoundError:
        return None
    return f"{about.st_size} {about.st_mtime_ns}"


def samples(path: str, starts: Sequence[int], size: int) -> list[bytes]:
    """Pieces of a file, which is opened once: a fingerprint asks for 64."""
    pieces = []
    with open(path, "rb") as file:
        for start in starts:
            file.seek(start)
            pieces.append(file.read(size))
    return pieces


def remove_if_older(path: Path, seconds: float) -> None:
    """Deletes a file that nobody has written to for so long; another process may delete it at the same time."""
    with suppress(FileNotFoundError):
        if time.time() - path.lstat().st_mtime > seconds:
            path.unlink()


def files_below(path: str, depth: int | None = None) -> Iterator[str]:
    """Paths, relative to a folder, of every file below it, sorted by folder; nothing hidden.

    Args:
        depth: Folders to go down; None for all.

    Raises:
        BrokenLink: If a link leads back to a folder that it lies in.
    """
    yield from _below(path, "", (), depth)


def _below(root: str, inside: str, above: tuple[tuple[int, int], ...], depth: int | None) -> Iterator[str]:
    here = f"{root}/{inside}" if inside else root
    about = os.stat(here)
    place = (about.st_dev, about.st_ino)
    if place in above:
        raise BrokenLink(f"{here} leads back to a folder that it lies in: remove the link")
    for name, is_folder in entries(here):
        path = f"{inside}/{name}".lstrip("/")
        if name.startswith("."):
            continue
        if not is_folder:
            yield path
        elif depth is None or depth > 1:
            yield from _below(root, path, (*above, place), depth and depth - 1)


def remove_tree(path: str) -> None:
    """Deletes a folder and all in it, or a file. Another process may still write into the folder, or delete what is in
    it, as one that is being ended does: what it leaves goes too.

    Raises:
        OSError: If it may not be deleted, or the other goes on for longer than PATIENCE_S.
    """
    end = time.monotonic() + PATIENCE_S
    while os.path.lexists(path):
        try:
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT) or time.monotonic() > end:
                raise
            time.sleep(PAUSE_S)


def remove_empty_folders(path: Path, root: Path) -> None:
    """Deletes a folder that is empty, and each above it that is empty then, but for the root."""
    while path != root and path.is_relative_to(root):
        try:
            path.rmdir()
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno == errno.ENOTEMPTY:
                return
            raise
        path = path.parent
