"""Whether dictionaries fit into memory together, said before anything is trained."""

import os
from collections.abc import Sequence

import torch

from models.dictionaries.config import SAESettings

COPIES = 5
"""Float32 copies of each weight in training: itself, gradient, two moments of Adam, and what a step makes."""
CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def training_bytes(sae: SAESettings, widths: Sequence[int]) -> int:
    """Bytes that training takes, activations aside, of what reads and writes sites of these widths."""
    read, written = sites_by_use(sae, widths)
    n_weights = sum(widths)
    for number, width in enumerate(read):
        decoder = sum(written[number:]) or width
        n_weights += sae.width(width) * (width + decoder + 4) + (width * decoder if sae.skip_connection else 0)
    return 4 * COPIES * n_weights


def sites_by_use(sae: SAESettings, widths: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Widths of the sites that are read and of others that are written: first all that are read."""
    n_read = len(widths) if sae.output_site is None else len(widths) // 2
    return tuple(widths[:n_read]), tuple(widths[n_read:])


def free_bytes(device: torch.device) -> int:
    """Bytes free on the device; on a CPU what the machine has left, within what the container may use."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    left = [os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in CGROUPS:
        if os.path.exists(path):
            with open(path) as file:
                limit = file.read().strip()
            left += [int(limit)] if limit.isdigit() else []
    return min(left)


def require_memory(saes: Sequence[tuple[SAESettings, Sequence[int]]], device: torch.device, copies: float = 1) -> None:
    """Raises where training these together would not fit.

    Args:
        saes: What is trained, and the widths of its sites.
        copies: How many of each the device must hold: more than one where processes share it, less than one where each
            has a device and a part of the features.

    Raises:
        ValueError: With the size needed and the size there is.
    """
    sizes = [copies * training_bytes(sae, widths) for sae, widths in saes]
    there = free_bytes(device)
    if sum(sizes) > there:
        raise ValueError(
            f"training {len(sizes)} dictionaries together takes {sum(sizes) / 2**30:.2f} GiB (the largest "
            f"{max(sizes) / 2**30:.2f}), and {device} has {there / 2**30:.2f} GiB free: train fewer at a time, or "
            "narrower ones"
        )
