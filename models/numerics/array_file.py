"""Arrays and plain facts in one file, written whole or not at all, nothing unpickled on reading."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from storage.folder import Folder

_FACTS = "__facts__"


def write_arrays(folder: Folder, name: str, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
    """Facts are anything that JSON knows, of any length."""
    coded = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    whole = {key: np.ascontiguousarray(array) for key, array in arrays.items()} | {_FACTS: coded}
    folder.write_bytes(name, safetensors.numpy.save(whole))


def read_arrays(folder: Folder, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """What was written; None where there is no such file, or none that can be read."""
    if not folder.exists(name):
        return None
    try:
        arrays = safetensors.numpy.load(folder.read_bytes(name))
        facts = json.loads(arrays.pop(_FACTS).tobytes())
    except (safetensors.SafetensorError, KeyError, ValueError):
        return None
    return arrays, facts
