"""Llama Scope, as OpenMOSS wrote it in 2024: `hyperparams.json` and `checkpoints/final.safetensors`.

Weights want activations scaled to an average norm of √d, but the one threshold is in the unit of raw activations: it
was found after folding (its authors' correction in SAELens #483 multiplies it likewise).
"""

import torch

from models.dictionaries.tensor_files import read_json, read_safetensors, require_keys, require_positive_ints
from models.interchange.sae_formats.openmoss import activation, dictionary, factor, gates_by_norm, is_scaled, weights
from models.interchange.sae_import import ImportedDictionary
from models.interchange.sae_rescaling import fold_decoder_bias, fold_scales, row_norms
from storage.folder import Folder

CONFIG, CHECKPOINTS, WEIGHTS = "hyperparams.json", "checkpoints", "final.safetensors"
FILES = (CONFIG, f"{CHECKPOINTS}/{WEIGHTS}")


def recognises(folder: Folder) -> bool:
    return folder.exists(CONFIG)


def read(folder: Folder) -> ImportedDictionary:
    where, config = f"{folder}/{CONFIG}", read_json(folder, CONFIG)
    require_keys(where, config, "hook_point_in")
    d_in, d_sae = require_positive_ints(where, config, "d_model", "d_sae")
    checkpoints = folder / CHECKPOINTS
    tensors = weights(f"{checkpoints}/{WEIGHTS}", read_safetensors(checkpoints, WEIGHTS), config, d_sae)
    if config.get("apply_decoder_bias_to_pre_encoder"):
        tensors = fold_decoder_bias(tensors)
    reads = writes = 1.0
    if is_scaled(where, config):
        average = config.get("dataset_average_activation_norm") or {}
        reads, writes = factor(where, d_in, average, "in"), factor(where, d_in, average, "out")
    tensors = fold_scales(tensors, reads, writes)
    if activation(where, config) == "jumprelu":
        threshold = float(require_keys(where, config, "jump_relu_threshold")[0])
        gate_F = row_norms(tensors) if gates_by_norm(config) else torch.full((d_sae,), 1 / reads)
        tensors["threshold"] = threshold / gate_F
    return dictionary("llama_scope", where, config, tensors)
