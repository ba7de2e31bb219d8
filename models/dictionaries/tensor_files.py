"""What lies in the files of other libraries, or a sentence that says what is wrong with them; nothing is unpickled."""

import json
import zipfile
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from models.dictionaries.tensor_checks import UnreadableDictionary
from storage.folder import Folder


def read_json(folder: Folder, name: str) -> dict[str, Any]:
    """The object that a JSON file holds."""
    _present(folder, name)
    try:
        found = json.loads(folder.read_bytes(name))
    except ValueError as error:
        raise UnreadableDictionary(f"{folder}/{name} is not JSON ({error}): export the dictionary again") from error
    if not isinstance(found, dict):
        raise UnreadableDictionary(
            f"{folder}/{name} holds a {type(found).__name__}, wanted an object of keys and values"
        )
    return found


def read_safetensors(folder: Folder, name: str) -> dict[str, Tensor]:
    _present(folder, name)
    try:
        with folder.reading(name) as path:
            return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise _damaged(folder, name, error) from error


def read_npz(folder: Folder, name: str) -> dict[str, Tensor]:
    """The arrays of a NumPy archive; arrays of objects are refused."""
    _present(folder, name)
    try:
        with (
            folder.reading(name) as path,
            path.open("rb") as file,  # numpy itself leaves it open where the archive is damaged
            np.load(file, allow_pickle=False) as archive,
        ):
            return {key: torch.from_numpy(archive[key]) for key in archive.files}
    except (ValueError, TypeError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise _damaged(folder, name, error) from error


def read_torch(folder: Folder, name: str) -> dict[str, Any]:
    """The dictionary that `torch.save` wrote, if it holds tensors and plain values only."""
    _present(folder, name)
    try:
        with folder.reading(name) as path:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch tells damage and forbidden content by many types, one of them pickle's own
        raise UnreadableDictionary(
            f"{folder}/{name} is damaged, or holds more than tensors and plain values, which is never run "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__}): save its state_dict alone"
        ) from error
    if not isinstance(found, dict):
        raise UnreadableDictionary(f"{folder}/{name} holds a {type(found).__name__}, wanted a state_dict")
    return found


def require_keys(where: str, config: dict[str, Any], *keys: str) -> list[Any]:
    """Values of a configuration that has to have them.

    Raises:
        UnreadableDictionary: Naming the keys that are missing.
    """
    missing = [key for key in keys if config.get(key) is None]
    if missing:
        raise UnreadableDictionary(
            f"{where} lacks {', '.join(missing)}; it has {', '.join(sorted(config)) or 'no key'}: "
            "without it the dictionary cannot be read"
        )
    return [config[key] for key in keys]


def require_positive_ints(where: str, config: dict[str, Any], *keys: str) -> list[int]:
    """Whole numbers above 0 that a configuration has to have."""
    found = require_keys(where, config, *keys)
    for key, value in zip(keys, found, strict=True):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise UnreadableDictionary(f"{where} says {key}={value!r}, wanted a whole number above 0")
    return found


def _present(folder: Folder, name: str) -> None:
    if not folder.exists(name):
        held = ", ".join(folder.names()) or "no file"
        raise UnreadableDictionary(f"{folder}/{name} is missing; the folder holds {held}: name a folder that has it")


def _damaged(folder: Folder, name: str, error: Exception) -> UnreadableDictionary:
    return UnreadableDictionary(f"{folder}/{name} is cut short or damaged ({error}): export the dictionary again")
