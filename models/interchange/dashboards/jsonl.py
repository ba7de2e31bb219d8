"""JSON lines, gzipped or plain: one object a line, the same keys in every one."""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from models.interchange.dashboards.checked_record import CheckedRecord, parsed
from models.interchange.dashboards.dump import BadDump
from storage.folder import Folder

LEVEL = 5
_ENDS = (".jsonl.gz", ".jsonl")


def write_lines(folder: Folder, name: str, lines: Iterable[Mapping[str, Any]]) -> int:
    """Writes a file whole or not at all, gzipped where its name says so; the bytes depend on the lines alone.

    Without a line there is no file: Neuronpedia's importer stumbles over an empty one.

    Returns:
        How many lines were written.
    """
    rest, n = iter(lines), 0
    first = next(rest, None)
    if first is None:
        return 0
    with folder.writing(name) as path, path.open("wb") as raw:
        file = (
            gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=raw, mtime=0)
            if name.endswith(".gz")
            else raw
        )
        for line in chain([first], rest):
            file.write(encode_line(line))
            n += 1
        if file is not raw:
            file.close()
    return n


def encode_line(line: Mapping[str, Any]) -> bytes:
    """An object as one line of UTF-8, without any NUL, which PostgreSQL stores in no text.

    A text may itself say backslash, u, 0000, as source code does. Whoever then replaces those six characters in the
    line, as Neuronpedia's importer does, would leave broken JSON: the u is written by its number instead.
    """
    text = _dumped(line)
    if "\\u0000" in text:
        text = _dumped(_without_nul(line)).replace("\\u0000", "\\\\u00750000")
    return text.encode() + b"\n"


def _dumped(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", " ")
    if isinstance(value, Mapping):
        return {key: _without_nul(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], (str, Mapping, list)):
        return [_without_nul(inner) for inner in value]
    return value


def read_lines(folder: Folder, name: str, *needed: str) -> Iterator[CheckedRecord]:
    """Each object of a file in turn, without the blank lines.

    Args:
        folder: Where the file lies.
        name: With or without `.gz`: what the file holds decides, not its name.
        needed: Keys that every object must have.

    Raises:
        BadDump: If the file is cut short, no gzip where its name says so, or no JSON; if a line has other keys than the
            first or lacks a needed one. It names file and line.
    """
    first: set[str] | None = None
    for place, text in _texts(folder, name):
        record = CheckedRecord.of(parsed(text, place), place)
        if first is None:
            record.need(*needed)
            first = set(record.values)
        elif first != record.values.keys():
            missing, more = sorted(first - record.values.keys()), sorted(record.values.keys() - first)
            raise record.fault(
                f"other keys than the first line's: missing {', '.join(missing) or 'none'}; besides "
                f"{', '.join(more) or 'none'}: an importer takes the columns from the first line, so write the file "
                "again with the same keys in every line"
            )
        yield record


def _texts(folder: Folder, name: str) -> Iterator[tuple[str, bytes]]:
    where, number = f"{folder}/{name}", 0
    with folder.reading(name) as path:
        try:
            with _opened(path, where, name.endswith(".gz")) as file:
                for number, text in enumerate(file, start=1):
                    if text.strip():
                        yield f"{where}, line {number}", text
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise BadDump(
                f"{where}: the gzip stream breaks off or is damaged after line {number} ({error}): fetch the file again"
            ) from error


def _opened(path: Path, where: str, gzipped: bool) -> Any:
    with path.open("rb") as file:
        head = file.read(2)
    if head == b"\x1f\x8b":
        return gzip.open(path, "rb")
    if gzipped:
        raise BadDump(
            f"{where}: the name says gzip, but it begins with {head!r}: fetch it again, or take .gz off the name if it "
            "is plain text"
        )
    return path.open("rb")


def is_lines(name: str) -> bool:
    """Whether a file is one of JSON lines, by its name."""
    return name.endswith(_ENDS)


def batches(folder: Folder) -> list[str]:
    """Files of JSON lines in a folder, by the numbers in their names.

    Raises:
        BadDump: If one batch lies there both gzipped and plain.
    """
    names = [name for name in folder.names() if is_lines(name)]
    stems = [_stem(name) for name in names]
    if twice := sorted({stem for stem in stems if stems.count(stem) > 1}):
        raise BadDump(f"{folder} holds {', '.join(twice)} both gzipped and plain: remove one of the two")
    return sorted(names, key=lambda name: (_number(_stem(name)), name))


def _stem(name: str) -> str:
    return name.removesuffix(".gz").removesuffix(".jsonl")


def _number(stem: str) -> int:
    digits = stem.rsplit("-", 1)[-1]
    return int(digits) if digits.isascii() and digits.isdigit() else 2**62
