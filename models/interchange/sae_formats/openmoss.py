"""OpenMOSS Language-Model-SAEs (llamascopium): `config.json` and `sae_weights.safetensors`.

Its activations are scaled to an average norm of √d. A file into which that is not folded holds the average norms; codes
keep the unit they have in that scale.
"""

import math
from typing import Any

import torch
from torch import Tensor

from models.dictionaries.tensor_checks import UnreadableDictionary, validate_tensors
from models.dictionaries.tensor_files import read_json, read_safetensors, require_keys, require_positive_ints
from models.interchange.sae_import import ImportedDictionary, known_facts, layer_of
from models.interchange.sae_rescaling import fold_scales, row_norms, unit_rows
from storage.folder import Folder

CONFIG, WEIGHTS = "config.json", "sae_weights.safetensors"
FILES = (CONFIG, WEIGHTS)

NORM = "dataset_average_activation_norm."
_ROWS = {"W_E": "W_enc", "b_E": "b_enc", "W_D": "W_dec", "b_D": "b_dec"}
_LINEAR = {"encoder.weight": "W_enc", "encoder.bias": "b_enc", "decoder.weight": "W_dec", "decoder.bias": "b_dec"}
_ARCHITECTURES = {"relu": "standard", "jumprelu": "jumprelu", "topk": "topk", "batchtopk": "topk"}


def recognises(folder: Folder) -> bool:
    return folder.exists(CONFIG) and {"d_model", "act_fn", "expansion_factor"} <= read_json(folder, CONFIG).keys()


def read(folder: Folder) -> ImportedDictionary:
    where, config = f"{folder}/{CONFIG}", read_json(folder, CONFIG)
    if config.get("sae_type", "sae") != "sae":
        raise UnreadableDictionary(
            f"{where}: sae_type is {config['sae_type']!r}, wanted 'sae': nothing here reads others"
        )
    expansion, hook_in = require_keys(where, config, "expansion_factor", "hook_point_in")
    (d_in,) = require_positive_ints(where, config, "d_model")
    held = read_safetensors(folder, WEIGHTS)
    norms = {name.removeprefix(NORM): held.pop(name) for name in list(held) if name.startswith(NORM)}
    threshold = f"{'' if 'encoder.weight' in held else 'activation_function.'}log_jumprelu_threshold"
    vectors = (threshold,) if activation(where, config) == "jumprelu" else ()
    tensors = weights(f"{folder}/{WEIGHTS}", held, config, round(d_in * expansion), vectors)
    reads = writes = 1.0
    if is_scaled(where, config):
        average = {hook: norms[hook].item() for hook in norms}
        reads = factor(f"{folder}/{WEIGHTS}", d_in, average, hook_in)
        writes = factor(f"{folder}/{WEIGHTS}", d_in, average, config.get("hook_point_out") or hook_in)
    if vectors:
        norms_F = row_norms(tensors) if gates_by_norm(config) else torch.ones(())
        tensors["threshold"] = tensors.pop(threshold).exp() / norms_F
    return dictionary("openmoss", where, config, fold_scales(tensors, reads, writes))


def activation(where: str, config: dict[str, Any]) -> str:
    """The activation function, once it is one that can be read."""
    found = str(require_keys(where, config, "act_fn")[0]).lower()
    if found not in _ARCHITECTURES or config.get("use_glu_encoder"):
        found = f"{found} behind a gated linear unit" if config.get("use_glu_encoder") else found
        raise UnreadableDictionary(f"{where}: the activation is {found}, wanted one of {', '.join(_ARCHITECTURES)}")
    return found


def is_scaled(where: str, config: dict[str, Any]) -> bool:
    """Whether the dictionary still wants scaled activations."""
    found = config.get("norm_activation", "dataset-wise")
    if found not in ("dataset-wise", "inference"):
        raise UnreadableDictionary(
            f"{where} says norm_activation={found!r}, which depends on each token or batch and cannot be folded into "
            "weights: wanted 'dataset-wise' or 'inference'"
        )
    return found == "dataset-wise"


def gates_by_norm(config: dict[str, Any]) -> bool:
    """Whether what is compared is a pre-activation times the norm of its decoder row; so by default."""
    return bool(config.get("sparsity_include_decoder_norm", True))


def factor(where: str, d_in: int, average: dict[str, Any], hook: str) -> float:
    """√d over the average norm at a hook: what its activations were multiplied by."""
    norm = average.get(hook)
    if not isinstance(norm, int | float) or not 0 < norm < math.inf:
        raise UnreadableDictionary(
            f"{where}: the average activation norm at {hook} is {norm}, wanted a number above 0, without which raw "
            "activations cannot be read: save the dictionary again with its scale folded in"
        )
    return math.sqrt(d_in) / norm


def weights(
    where: str, held: dict[str, Tensor], config: dict[str, Any], d_sae: int, vectors: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """The tensors as SAELens names and lays them; `vectors` of features keep their name."""
    linear = "encoder.weight" in held
    d_in, names = config["d_model"], dict(_LINEAR if linear else _ROWS)
    shapes = {"W_enc": (d_in, d_sae), "b_enc": (d_sae,), "W_dec": (d_sae, d_in), "b_dec": (d_in,)}
    if not config.get("use_decoder_bias", True):
        names = {name: ours for name, ours in names.items() if ours != "b_dec"}
    layout = {name: shapes[ours][::-1] if linear else shapes[ours] for name, ours in names.items()}
    found = validate_tensors(where, held, layout | dict.fromkeys(vectors, (d_sae,)))
    tensors = {"b_dec": torch.zeros(d_in)} | {ours: found[name] for name, ours in names.items()}
    if linear:
        tensors |= {name: tensors[name].T.contiguous() for name in ("W_enc", "W_dec")}
    return tensors | {name: found[name] for name in vectors}


def dictionary(format: str, where: str, config: dict[str, Any], tensors: dict[str, Tensor]) -> ImportedDictionary:
    """The dictionary of tensors for raw activations, with the threshold in the unit of its codes if it has one."""
    hook_in = config["hook_point_in"]
    hook_out = config.get("hook_point_out") or hook_in
    d_in, d_sae = tensors["W_enc"].shape
    found = activation(where, config)
    architecture = _ARCHITECTURES[found]
    if hook_in != hook_out:
        architecture = "jumprelu_transcoder" if found == "jumprelu" else "transcoder"
    read = {"architecture": architecture, "d_in": d_in, "d_out": d_in, "d_sae": d_sae, "apply_b_dec_to_input": False}
    facts = known_facts(
        model_name=config.get("model_name"),
        hook_name=hook_in,
        hook_in=hook_in,
        hook_out=hook_out,
        layer=layer_of(hook_in),
    )
    if found.endswith("topk"):
        (read["k"],) = require_positive_ints(where, config, "top_k")
        notes = []
        if found == "batchtopk":
            notes.append(f"it has no threshold: the {read['k']} largest of each token fire, not of a batch")
        if gates_by_norm(config):
            tensors = unit_rows(tensors)
            notes.append("codes are in the unit of decoder rows of norm 1, by which they are compared")
        if notes:
            facts["note"] = "; ".join(notes)
    return ImportedDictionary(format, read, tensors, facts)
