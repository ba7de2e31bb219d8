"""Gemma Scope: `params.npz` in `layer_L/width_W/average_l0_N` of a repository that is named for model and site.

The archive says nothing of where it belongs; the path does, as far as it is that of the repository.
"""

import math
import re

from models.dictionaries.tensor_checks import validate_tensors, vector_length
from models.dictionaries.tensor_files import read_npz
from models.interchange.sae_import import ImportedDictionary, known_facts
from models.interchange.sae_rescaling import fold_scales
from storage.folder import Folder

WEIGHTS = "params.npz"
FILES = (WEIGHTS,)

_REPOSITORY = re.compile(r"gemma-scope-(?P<size>\d+b)-(?P<tuning>pt|it)-(?P<part>res|mlp|att|transcoders)\b")
_HOOKS = {
    "res": "blocks.{layer}.hook_resid_post",
    "mlp": "blocks.{layer}.hook_mlp_out",
    "att": "blocks.{layer}.attn.hook_z",
    "transcoders": "blocks.{layer}.ln2.hook_normalized",
}


def recognises(folder: Folder) -> bool:
    return folder.exists(WEIGHTS)


def read(folder: Folder) -> ImportedDictionary:
    """Reads a dictionary; those of the embeddings are folded to read embeddings as the model uses them.

    Gemma multiplies its embeddings by √d before the first block; the dictionaries in `embedding/` were trained on them
    without that.
    """
    where = f"{folder}/{WEIGHTS}"
    held = read_npz(folder, WEIGHTS)
    tensors = {f"W_{name[2:]}" if name.startswith("w_") else name: tensor for name, tensor in held.items()}
    d_sae, d_out = vector_length(where, tensors, "b_enc"), vector_length(where, tensors, "b_dec")
    shapes = {"W_enc": (d_out, d_sae), "W_dec": (d_sae, d_out), "b_enc": (d_sae,), "b_dec": (d_out,)}
    tensors = validate_tensors(where, tensors, shapes | {"threshold": (d_sae,)})
    tensors["threshold"] = tensors["threshold"].clamp_min(0)  # negative activations are cut first
    embeds = "/embedding/" in folder.url
    if embeds:
        tensors = fold_scales(tensors, 1 / math.sqrt(d_out), 1 / math.sqrt(d_out))
    repository = _REPOSITORY.search(folder.url)
    part = repository["part"] if repository else None
    config = {
        "architecture": "jumprelu_transcoder" if part == "transcoders" else "jumprelu",
        "d_in": d_out,
        "d_out": d_out,
        "d_sae": d_sae,
        "apply_b_dec_to_input": False,
    }
    layer, l0 = _number(folder, r"layer_(\d+)"), _number(folder, r"average_l0_(\d+)")
    hook_in = "hook_embed" if embeds else None
    if part and layer is not None:
        hook_in = _HOOKS[part].format(layer=layer)
    hook_out = f"blocks.{layer}.hook_mlp_out" if part == "transcoders" and layer is not None else hook_in
    tuning = "-it" if repository and repository["tuning"] == "it" else ""
    facts = known_facts(
        model_name=f"google/gemma-2-{repository['size']}{tuning}" if repository else None,
        hook_name=hook_in,
        hook_in=hook_in,
        hook_out=hook_out,
        layer=layer,
        l0=l0,
    )
    return ImportedDictionary("gemma_scope", config, tensors, facts)


def _number(folder: Folder, pattern: str) -> int | None:
    found = re.search(pattern, folder.url)
    return int(found[1]) if found else None
