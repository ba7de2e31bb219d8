"""The sha256 of the published file, kept beside it: a flipped bit in a part that no query reads is named, too.

To hash a large file takes longer than to publish a change of it. Of such a one it is written down that DuckDB's own
checksums are believed (`sql.block_checksums`), which are kept as blocks are written.
"""

import os
from pathlib import Path

from sql.spare_file import LARGE
from storage.manifest import sha256_of_file

BY_BLOCKS = "checksums-of-blocks"
"""Stands where the sha256 of a large file would."""


def recorded_hashes(published: Path) -> tuple[str, ...]:
    """What the file may have, the newest first: several only where a publisher was killed in its last step."""
    place = _place(published)
    return tuple(place.read_text().split()) if place.exists() else ()


def announce(file: Path, published: Path) -> str:
    """Writes down the sha256 of a file that is about to become the published one, beside what stood there."""
    sha256 = sha256_of_file(file) if file.stat().st_size < LARGE else BY_BLOCKS
    _write(published, [sha256, *recorded_hashes(published)], file.parent)
    return sha256


def record(sha256: str, published: Path, aside: Path) -> None:
    """Writes down that of the file that is published now, and no other."""
    _write(published, [sha256], aside)


def _write(published: Path, hashes: list[str], aside: Path) -> None:
    """Grows in the folder of the new file, with which it goes if its writer is killed."""
    place = _place(published)
    with (aside / place.name).open("w") as growing:
        growing.writelines(f"{sha256}\n" for sha256 in dict.fromkeys(hashes))
        growing.flush()
        os.fsync(growing.fileno())
    (aside / place.name).replace(place)


def _place(published: Path) -> Path:
    return published.with_name(f".{published.name}.sha256")
