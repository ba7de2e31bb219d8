"""Gemma Scope 2: `config.json` and `params.safetensors`, autoencoders, transcoders and affine transcoders.

A cross-layer transcoder is a folder for each block, read one by one: `import: …/layer_{layer}`."""

from typing import Any

from models.dictionaries.architectures.cross_layer_transcoder import TO, CrossLayerSlice
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
    crosses_layers, later = getattr(tensors_there.get("w_dec"), "ndim", 2) == 3, dict[str, Any]()
    if crosses_layers:
        tensors_there, later = _own_decoder(where, dict(tensors_there), hook_in)
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
    if crosses_layers:
        read["metadata"] = {"training_architecture": CrossLayerSlice.architecture}
        tensors |= validate_tensors(where, later, dict.fromkeys(later, (d_sae, d_out)))
    facts = known_facts(
        model_name=config.get("model_name"),
        hook_name=hook_in,
        hook_in=hook_in,
        hook_out=hook_out,
        layer=layer_of(hook_in),
        l0=config.get("l0"),
    )
    return ImportedDictionary("gemma_scope_2", read, tensors, facts)


def _own_decoder(where: str, tensors: dict[str, Any], hook_in: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of a cross-layer transcoder's block, whose decoder is [features, blocks, width]: the tensors with its decoder to
    its own block, and those to later blocks; those to earlier ones are none."""
    block, w_dec = layer_of(hook_in), tensors["w_dec"]
    if block is None or not block < w_dec.shape[1]:
        raise UnreadableDictionary(
            f"{where}: w_dec is {list(w_dec.shape)}, that of a cross-layer transcoder of {w_dec.shape[1]} blocks, and "
            f"hf_hook_point_in={hook_in!r} names none of them: correct it"
        )
    later = {f"{TO}{number}": w_dec[:, number].contiguous() for number in range(block + 1, w_dec.shape[1])}
    return tensors | {"w_dec": w_dec[:, block].contiguous()}, later
