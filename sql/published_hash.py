"""The sha256 of the published file, kept beside it: a flipped bit in a part that no query reads is named, too."""

from pathlib import Path

from storage.folder import Folder
from storage.manifest import sha256_of_file


def recorded_hashes(published: Path) -> tuple[str, ...]:
    """What the file may have, the newest first: several only where a publisher was killed in its last step."""
    place = _place(published)
    return tuple(place.read_text().split()) if place.exists() else ()


def announce(file: Path, published: Path) -> str:
    """Writes down the sha256 of a file that is about to become the published one, beside what stood there."""
    sha256 = sha256_of_file(file)
    _write(published, [sha256, *recorded_hashes(published)])
    return sha256


def record(sha256: str, published: Path) -> None:
    """Writes down that of the file that is published now, and no other."""
    _write(published, [sha256])


def _write(published: Path, hashes: list[str]) -> None:
    body = "".join(f"{sha256}\n" for sha256 in dict.fromkeys(hashes)).encode()
    Folder(str(published.parent)).write_bytes(_place(published).name, body)


def _place(published: Path) -> Path:
    return published.with_name(f".{published.name}.sha256")
