"""Chance that depends on names alone: a draw by hash is the same whatever the order in which things arrive."""

import hashlib

import numpy as np


def hash_draw(context: np.ndarray, other: np.ndarray | int, seed: int) -> np.ndarray:
    """32 random bits for each pair of a context and another number below 2**64 (finalizer of MurmurHash3, twice)."""
    return _mixed(_mixed(context.astype(np.uint64) + _scaled(seed)) ^ _scaled(other)) >> np.uint64(32)


def _scaled(number: np.ndarray | int) -> np.ndarray:
    """Neighbouring numbers apart: times the golden ratio of 2**64."""
    return np.asarray(number, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def _mixed(bits: np.ndarray) -> np.ndarray:
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        bits = (bits ^ (bits >> np.uint64(33))) * np.uint64(factor)
    return bits ^ (bits >> np.uint64(33))


def hash_rank(name: str, seed: str = "") -> int:
    """A place in an order that depends on the name alone: 63 bits of its SHA-256."""
    return int.from_bytes(hashlib.sha256(f"{seed}\0{name}".encode()).digest()[:8], "big") >> 1
