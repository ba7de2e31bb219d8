"""Content with bytes changed, lost, doubled and moved, and how a reader of it ends: read, refused by our own error, or
neither."""

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

SLOWEST = 5.0
"""Seconds of processor that one input may take: a machine that does other things is no fault of the reader."""
_MEANT = (b"\0", b"\xff", b'"', b"[", b"{", b"-", b"9" * 30, b"../", b"1e999", b"&a", b"*a", b": ", b"\n", b"null")


def mutated(chance: random.Random, seed: bytes) -> bytes:
    """One to four changes: a flipped bit, a lost or doubled stretch, bytes that mean something, another beginning."""
    body = bytearray(seed)
    for _ in range(chance.randrange(1, 5)):
        place, size = chance.randrange(len(body) + 1), chance.choice((1, 2, 8, 64))
        kind = chance.randrange(5)
        if kind == 0 and place < len(body):
            body[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del body[place : place + size]
        elif kind == 2:
            body[place:place] = body[place : place + size]
        elif kind == 3:
            body[place : place + 1] = chance.choice(_MEANT)
        elif len(body) > 8:
            body[: size % 8 + 1] = chance.randbytes(size % 8 + 1)
    return bytes(body)


def ends_of(name: str, seed: bytes, n: int, read: Callable[[bytes], str], aside: Path) -> Counter[str]:
    """How so many mutations end; fails where one takes too long, raises what is not ours, or leaves a file behind.

    Args:
        name: What chance is drawn by: the same mutations each time.
        read: Says `read` or `refused`; what else it raises is a failure.
        aside: The one folder that it may write to; what it leaves there is compared with what was there before.
    """
    chance, ends, slowest, before = random.Random(name), Counter[str](), 0.0, _names(aside)
    for number in range(n):
        body = mutated(chance, seed)
        began = time.process_time()
        try:
            ends[read(body)] += 1
        except BaseException as error:
            raise AssertionError(f"{name}, input {number} {body[:200]!r}…: {type(error).__name__}: {error}") from error
        slowest = max(slowest, time.process_time() - began)
    assert slowest < SLOWEST, f"{name}: an input took {slowest:.1f} s"
    assert _names(aside) == before, "a reader left a file"
    return ends


def _names(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))
