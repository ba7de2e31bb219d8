"""Dictionaries in the layout of SAELens 6: `cfg.json`, `sae_weights.safetensors`, `sparsity.safetensors`.

What is written loads in SAELens as it is; what is read is checked name by name and shape by shape before it is used.
Files that others wrote come through models/interchange/sae_import.py.

Axes: F features.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import safetensors.torch
from torch import Tensor

from models.dictionaries.architectures.cross_layer_transcoder import TO, CrossLayerSlice
from models.dictionaries.base import SparseDictionary
from models.dictionaries.registry import architecture
from models.dictionaries.tensor_checks import validate_tensors
from models.dictionaries.tensor_files import read_json, read_safetensors, require_keys, require_positive_ints
from storage.folder import Folder

CONFIG, WEIGHTS, SPARSITY = "cfg.json", "sae_weights.safetensors", "sparsity.safetensors"
VERSION = "6.54.12"
"""Of SAELens: the one whose layout this is; below 6 its reader would take the file for an older one."""
MIN_DENSITY = 1e-10
"""Density that stands for none, as SAELens has it: `sparsity` holds logarithms."""
LATER = "later_decoders.safetensors"
"""Beside a cross-layer transcoder's slice: what it writes to later blocks, which SAELens has no place for."""
ALIASES = {"neurons": "standard", "cross_layer_transcoder": "jumprelu"}
"""Architectures that SAELens has not, and the one that it reads them as; `cfg.json` keeps their name."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What `cfg.json` says besides of a dictionary: where it belongs and how it came about."""

    model_name: str | None = None
    hook_name: str | None = None
    hook_name_out: str | None = None
    """Of a transcoder: the site that is written."""
    context_size: int | None = None
    dataset: str | None = None
    architecture: str | None = None
    """That it was trained as, where that is another than the one that is kept."""
    n_tokens: int | None = None
    l0: float | None = None


def export(sae: SparseDictionary, folder: Folder, origin: Provenance, density_F: Tensor | None = None) -> list[str]:
    """Writes a dictionary in the form that is kept; `cfg.json` goes last, and without it there is no dictionary.

    Args:
        sae: In raw units; of an architecture that codes each token by itself.
        density_F: Fraction of the tokens on which each feature fires, where it is known.

    Returns:
        The names of the files.
    """
    tensors = {name: t.float().cpu().contiguous().clone() for name, t in sae.tensors().items()}
    later = {name: tensors.pop(name) for name in list(tensors) if name.startswith(TO)}
    contents = {WEIGHTS: tensors} | ({LATER: later} if later else {})
    if density_F is not None:
        contents[SPARSITY] = {"sparsity": density_F.clamp_min(MIN_DENSITY).log10().float()}
    folder.remove(CONFIG)
    for name, content in contents.items():
        with folder.writing(name) as path:
            safetensors.torch.save_file(content, path)
    folder.write_bytes(CONFIG, json.dumps(_description(sae, origin, density_F), indent=1).encode() + b"\n")
    return [*contents, CONFIG]


def _description(sae: SparseDictionary, origin: Provenance, density_F: Tensor | None) -> dict[str, Any]:
    """The content of `cfg.json`."""
    trained_as = origin.architecture or sae.architecture
    return {
        "architecture": saelens_architecture(sae),
        "d_in": sae.d_in,
        "d_sae": sae.n_features,
        **({"d_out": sae.d_out} if sae.crosses else {}),
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": not sae.crosses,
        "normalize_activations": "none",
        "reshape_activations": "none",
        **({"k": sae.config["k"]} if sae.architecture == "topk" else {}),
        **({"rescale_acts_by_decoder_norm": False} if sae.architecture == "topk" and not sae.crosses else {}),
        "metadata": {
            "sae_lens_version": VERSION,
            "sae_lens_training_version": None,
            "training_architecture": trained_as,
            "training_architecture_details": sae.config,
            "model_name": origin.model_name,
            "hook_name": origin.hook_name,
            **({"hook_name_out": origin.hook_name_out} if sae.crosses else {}),
            "hook_head_index": None,
            "context_size": origin.context_size,
            "dataset_path": origin.dataset,
            "training_tokens": origin.n_tokens,
            "l0": origin.l0,
            "num_dead_features": None if density_F is None else int((density_F == 0).sum()),
        },
    }


def saelens_architecture(sae: SparseDictionary) -> str:
    """The architecture as SAELens has it: transcoders are architectures of their own there, and have a ReLU unless the
    name says otherwise. It has neither top-k nor gated ones, and refuses their names."""
    name = ALIASES.get(sae.architecture, sae.architecture)
    if not sae.crosses:
        return name
    kind = "transcoder" if sae.W_skip is None else "skip_transcoder"
    return kind if name == "standard" else f"{name}_{kind}"


def load(folder: Folder) -> SparseDictionary:
    """Reads what `export` wrote.

    Raises:
        FileNotFoundError: If there is no `cfg.json`.
        ForeignDictionary: If a key or tensor is missing, unexpected, transposed, of another width than the
            configuration says, or not finite.
    """
    if not folder.exists(CONFIG):
        raise FileNotFoundError(
            f"{folder} holds no {CONFIG}: train a dictionary there, or name a folder in SAELens layout"
        )
    config, where = read_json(folder, CONFIG), f"{folder}/{CONFIG}"
    require_keys(where, config, "architecture")
    require_positive_ints(where, config, "d_in", "d_sae", *(["k"] if _kind(config)[0].architecture == "topk" else []))
    tensors = validate_tensors(f"{folder}/{WEIGHTS}", read_safetensors(folder, WEIGHTS), _shapes(config))
    if _kind(config)[0].architecture == CrossLayerSlice.architecture and folder.exists(LATER):
        later, shape = read_safetensors(folder, LATER), tuple(tensors["W_dec"].shape)
        tensors |= validate_tensors(f"{folder}/{LATER}", later, dict.fromkeys(later, shape))
    return from_saelens(config, tensors)


def from_saelens(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> SparseDictionary:
    """A dictionary from a configuration of SAELens and float32 tensors in its names and shapes.

    A decoder bias that an autoencoder does not subtract from its input, or a transcoder does, is folded into the other
    biases.
    """
    kind, crosses = _kind(config)
    asked = {"crosses": crosses} | ({"k": config["k"]} if "k" in config else {})
    sae = kind(tensors, asked)
    if config.get("apply_b_dec_to_input", not crosses) == crosses:
        centre_D = sae.b_dec.detach()
        sae = kind({**tensors, **sae.unshifted(sae.tensors(), centre_D if crosses else -centre_D)}, asked)
    return sae.requires_grad_(False)


def _kind(config: Mapping[str, Any]) -> tuple[type[SparseDictionary], bool]:
    """The class, and whether it writes another site than it reads."""
    name = config["architecture"]
    base = name.removesuffix("transcoder").removesuffix("skip_").rstrip("_") or "standard"
    if base == "standard" and "k" in config:
        base = "topk"
    learned = str((config.get("metadata") or {}).get("training_architecture"))
    return architecture(learned if ALIASES.get(learned) == base else base), name.endswith("transcoder")


def _shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor."""
    kind, d_in, n_features = _kind(config)[0], config["d_in"], config["d_sae"]
    d_out = config.get("d_out", d_in)
    shapes: dict[str, tuple[int, ...]] = {"W_enc": (d_in, n_features), "W_dec": (n_features, d_out), "b_dec": (d_out,)}
    shapes |= dict.fromkeys((*kind.biases, *kind.levels, *kind.gains), (n_features,))
    return shapes | ({"W_skip": (d_out, d_in)} if config["architecture"].endswith("skip_transcoder") else {})
