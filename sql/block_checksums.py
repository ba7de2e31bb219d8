"""The checksums that DuckDB keeps of each block of a file: a flipped bit is named without a hash of the whole.

A file is three headers of 4,096 bytes and blocks of 262,144, each with the checksum of the rest in its first 8 bytes:
5381, and every 8 bytes after it multiplied by a constant, all combined by exclusive or. (DuckDB,
src/common/checksum.cpp and src/storage/single_file_block_manager.cpp.)
"""

from pathlib import Path

import numpy as np

HEADER, HEADERS, BLOCK = 4096, 3, 262_144
_FACTOR, _START = np.uint64(0xBF58476D1CE4E5B9), np.uint64(5381)


def damaged_blocks(file: Path) -> list[int]:
    """Places, in bytes, of headers and blocks whose content is not what DuckDB wrote; reads all of the file."""
    with file.open("rb") as opened:
        wrong = [place for place in range(0, HEADERS * HEADER, HEADER) if not _is_whole(opened.read(HEADER))]
        place = HEADERS * HEADER
        while block := opened.read(BLOCK):
            if len(block) < BLOCK or not _is_whole(block):
                wrong.append(place)
            place += len(block)
    return wrong


def _is_whole(part: bytes) -> bool:
    words = np.frombuffer(part, dtype="<u8")
    return words[0] == np.bitwise_xor.reduce(words[1:] * _FACTOR, initial=_START)
