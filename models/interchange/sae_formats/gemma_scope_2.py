"""Gemma Scope 2: `config.json` and `params.safetensors`, autoencoders, transcoders and affine transcoders."""

from models.dictionaries.tensor_checks import UnreadableDictionary, validate_tensors, vector_length
from models.dictionaries.tensor_files import read_json, read_safetensors, require_keys
from models.interchange.sae_import import ImportedDictionary, known_facts, layer_of
from storage.folder import Folder

CONFIG, WEIGHTS = "config.json", "params.safetensors"
FILES = (CONFIG, WEIGHTS)

_NAMES = {"w_enc": "W_enc", "w_dec": "W_dec", "b_enc": "b_enc", "b_dec": "b_dec", "threshold": "threshold"}
_SKIP = "affine_skip_connection"


def recognises(folder: Folder) -> bool:
    return folder.exists(WEIGHTS)


def read(folder: Folder) -> ImportedDictionary:
    where = f"{folder}/{WEIGHTS}"
    config = read_json(folder, CONFIG)
    architecture, hook_in = require_keys(f"{folder}/{CONFIG}", config, "architecture", "hf_hook_point_in")
    if architecture != "jump_relu":
        raise UnreadableDictionary(f"{folder}/{CONFIG}: architecture is {architecture!r}, wanted 'jump_relu'")
    hook_out = config.get("hf_hook_point_out") or hook_in
    tensors_there = read_safetensors(folder, WEIGHTS)
    d_sae, d_out = vector_length(where, tensors_there, "b_enc"), vector_length(where, tensors_there, "b_dec")
    if config.get("width") not in (None, d_sae):
        raise UnreadableDictionary(
            f"{where}: b_enc is [{d_sae}], {CONFIG} says width {config['width']}: make them agree"
        )
    affine = bool(config.get("affine_connection"))
    shapes = {"w_enc": (d_out, d_sae), "w_dec": (d_sae, d_out), "b_enc": (d_sae,), "b_dec": (d_out,)}
    shapes |= {"threshold": (d_sae,)} | ({_SKIP: (d_out, d_out)} if affine else {})
    found = validate_tensors(where, tensors_there, shapes)
    tensors = {ours: found[name] for name, ours in _NAMES.items()}
    tensors["threshold"] = tensors["threshold"].clamp_min(0)  # negative activations are cut first
    if affine:
        tensors["W_skip"] = found[_SKIP].T.contiguous()  # there [d_in, d_out]
    transcodes = "_transcoder" if hook_in != hook_out or affine else ""
    read = {
        "architecture": f"jumprelu{'_skip' if affine else ''}{transcodes}",
        "d_in": d_out,
        "d_out": d_out,
        "d_sae": d_sae,
        "apply_b_dec_to_input": False,
    }
    facts = known_facts(
        model_name=config.get("model_name"),
        hook_name=hook_in,
        hook_in=hook_in,
        hook_out=hook_out,
        layer=layer_of(hook_in),
        l0=config.get("l0"),
    )
    return ImportedDictionary("gemma_scope_2", read, tensors, facts)
