"""What lies in the files of other libraries, or a sentence that says what is wrong with them; nothing is unpickled."""

import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from models.dictionaries.tensor_checks import UnreadableDictionary
from storage.folder import Folder

COMPILED, PARALLEL = "_orig_mod.", "module."
"""What torch.compile and DataParallel put before the names of a module's tensors."""


def read_json(folder: Folder, name: str) -> dict[str, Any]:
    """The object that a JSON file holds."""
    _present(folder, name)
    content = folder.read_bytes(name)
    try:
        found = json.loads(content)
    except ValueError as error:
        raise UnreadableDictionary(f"{folder}/{name} is not JSON ({error}): export the dictionary again") from error
    if not isinstance(found, dict):
        raise UnreadableDictionary(
            f"{folder}/{name} holds a {type(found).__name__}, wanted an object of keys and values"
        )
    return found


def read_safetensors(folder: Folder, name: str) -> dict[str, Tensor]:
    """The tensors of a file, by the names that they had before a module was wrapped."""
    _present(folder, name)
    try:
        with folder.reading(name) as path:
            return _unwrapped(f"{folder}/{name}", safetensors.torch.load_file(path))
    except safetensors.SafetensorError as error:
        raise _damaged(folder, name, error) from error


def read_safetensors_row(folder: Folder, name: str, row: int, is_stacked: Callable[[str], bool]) -> dict[str, Tensor]:
    """The tensors of a file, of those that stack several things one row of their first axis only: a file that holds
    all blocks of a model is read once over all of them, not once for each. One that has no such row is left out."""
    _present(folder, name)
    try:
        with folder.reading(name) as path, safetensors.safe_open(path, "pt") as file:
            plain = _unwrapped(f"{folder}/{name}", {held: held for held in file.keys()})  # noqa: SIM118  safe_open is no mapping
            found = {}
            for short, held in plain.items():
                if not is_stacked(short):
                    found[short] = file.get_tensor(held)
                elif row < file.get_slice(held).get_shape()[0]:
                    found[short] = file.get_slice(held)[row]
            return found
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
    """The dictionary that `torch.save` wrote, if it holds tensors and plain values only; names as before a module was
    wrapped."""
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
    return _unwrapped(f"{folder}/{name}", found)


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


def _unwrapped(where: str, held: dict[str, Any]) -> dict[str, Any]:
    """Names without what torch.compile (`_orig_mod.`, anywhere) and DataParallel (`module.`, before all) put in.

    Raises:
        UnreadableDictionary: If two names become one.
    """
    found: dict[str, Any] = {}
    wrapped = all(str(name).removeprefix(COMPILED).startswith(PARALLEL) for name in held)
    for name, value in held.items():
        plain = str(name).replace(COMPILED, "")
        plain = plain.removeprefix(PARALLEL) if wrapped else plain
        if plain in found:
            raise UnreadableDictionary(
                f"{where} holds {plain} twice, once as a compiled module has it ({name}): keep one of them"
            )
        found[plain] = value
    return found


def _present(folder: Folder, name: str) -> None:
    if not folder.exists(name):
        held = ", ".join(folder.names()) or "no file"
        raise UnreadableDictionary(f"{folder}/{name} is missing; the folder holds {held}: name a folder that has it")


def _damaged(folder: Folder, name: str, error: Exception) -> UnreadableDictionary:
    return UnreadableDictionary(f"{folder}/{name} is cut short or damaged ({error}): export the dictionary again")
