"""Dictionaries in the layout of SAELens 6: `cfg.json`, `sae_weights.safetensors`, `sparsity.safetensors`.

What is written loads in SAELens as it is; what is read is checked name by name and shape by shape before it is used.

Axes: D width, F features.
"""

import json
from collections.abc import Mapping
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from models.dictionary import Dictionary, architecture
from models.folder import Folder
from models.training import Trained

CONFIG, WEIGHTS, SPARSITY = "cfg.json", "sae_weights.safetensors", "sparsity.safetensors"
VERSION = "6.54.12"
"""Of SAELens: the one whose layout this is; below 6 its reader would take the file for an older one."""
RAREST = 1e-10
"""Density that stands for none, as SAELens has it: `sparsity` holds logarithms."""


class ForeignDictionary(ValueError):
    """The files hold no dictionary that can be read. Point at a folder in SAELens layout, or export it again."""


def export(
    trained: Trained,
    folder: Folder,
    *,
    model_name: str | None = None,
    hook_name: str | None = None,
    context_size: int | None = None,
    dataset: str | None = None,
) -> list[str]:
    """Writes a trained dictionary; `cfg.json` goes last, and without it there is no dictionary.

    Returns:
        The names of the files.
    """
    sae = trained.sae
    tensors = {name: t.detach().float().cpu().contiguous() for name, t in sae.tensors().items()}
    log_density_F = trained.density_F.clamp_min(RAREST).log10().float()
    config = {
        "architecture": sae.architecture,
        "d_in": sae.d_in,
        "d_sae": sae.n_features,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        **sae.config(),
        "metadata": {
            "sae_lens_version": VERSION,
            "sae_lens_training_version": None,
            "model_name": model_name,
            "hook_name": hook_name,
            "hook_head_index": None,
            "context_size": context_size,
            "dataset_path": dataset,
            "training_tokens": trained.n_tokens,
            "l0": trained.curve[-1].l0 if trained.curve else None,
            "num_dead_features": int((trained.density_F == 0).sum()),
        },
    }
    folder.remove(CONFIG)
    for name, content in ((WEIGHTS, tensors), (SPARSITY, {"sparsity": log_density_F})):
        with folder.writing(name) as path:
            safetensors.torch.save_file(content, path)
    folder.write_bytes(CONFIG, json.dumps(config, indent=1).encode() + b"\n")
    return [WEIGHTS, SPARSITY, CONFIG]


def load(folder: Folder) -> Dictionary:
    """Reads a dictionary; its weights are float32 whatever they are stored in.

    Raises:
        FileNotFoundError: If there is no `cfg.json`.
        ForeignDictionary: If a key or tensor is missing, unexpected, transposed, of another dtype or width than the
            configuration says, not finite, or if the activations are normalised in a way that is not in the weights.
    """
    if not folder.exists(CONFIG):
        raise FileNotFoundError(
            f"{folder} holds no {CONFIG}: train a dictionary there, or name a folder in SAELens layout"
        )
    config = _config(folder)
    kind = architecture(config["architecture"])
    tensors = _tensors(folder, config, kind.shapes(config["d_in"], config["d_sae"]))
    if not config["apply_b_dec_to_input"] and "b_enc" in tensors:
        tensors["b_enc"] = tensors["b_enc"] + tensors["b_dec"] @ tensors["W_enc"]
    try:
        return kind.restored(config, tensors).requires_grad_(False)
    except KeyError as error:
        raise ForeignDictionary(
            f"{folder}/{CONFIG} lacks {error}, which architecture {kind.architecture!r} needs"
        ) from error


def _config(folder: Folder) -> dict[str, Any]:
    where = f"{folder}/{CONFIG}"
    try:
        config = json.loads(folder.read_bytes(CONFIG))
    except ValueError as error:
        raise ForeignDictionary(f"{where} is not JSON ({error}): export the dictionary again") from error
    missing = [key for key in ("architecture", "d_in", "d_sae", "dtype") if key not in config]
    if missing:
        raise ForeignDictionary(f"{where} lacks {', '.join(missing)}: a configuration of SAELens 6 has them")
    config = {"apply_b_dec_to_input": True, "normalize_activations": "none", "reshape_activations": "none"} | config
    for key in ("normalize_activations", "reshape_activations"):
        if config[key] not in ("none", None):
            raise ForeignDictionary(
                f"{where} says {key}={config[key]!r}, wanted 'none': fold it into the weights (SAELens does, on "
                "saving for inference)"
            )
    return config


def _tensors(folder: Folder, config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    where = f"{folder}/{WEIGHTS}"
    if not folder.exists(WEIGHTS):
        raise ForeignDictionary(f"{where} is missing: {CONFIG} alone is no dictionary, export it again")
    try:
        with folder.reading(WEIGHTS) as path:
            tensors = safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise ForeignDictionary(f"{where} is cut short or damaged ({error}): export the dictionary again") from error
    for name in sorted(shapes.keys() | tensors.keys()):
        if name not in tensors:
            raise ForeignDictionary(f"{where} lacks {name}; it holds {', '.join(sorted(tensors))}")
        if name not in shapes:
            raise ForeignDictionary(
                f"{where} holds {name}, which architecture {config['architecture']!r} does not have"
            )
        _check(where, name, tensors[name], shapes[name], config["dtype"].removeprefix("torch."))
    return {name: tensor.float() for name, tensor in tensors.items()}


def _check(where: str, name: str, tensor: Tensor, shape: tuple[int, ...], dtype: str) -> None:
    found = tuple(tensor.shape)
    if found != shape:
        hint = "it is transposed" if found == shape[::-1] else "its width is another than d_in and d_sae say"
        raise ForeignDictionary(f"{where}: {name} is {list(found)}, {CONFIG} wants {list(shape)}: {hint}")
    if tensor.dtype != getattr(torch, dtype, None):
        raise ForeignDictionary(f"{where}: {name} is {tensor.dtype}, {CONFIG} says {dtype}: make them agree")
    if not tensor.isfinite().all():
        raise ForeignDictionary(f"{where}: {name} holds NaN or Inf: train the dictionary again")
