"""dictionary_learning: `ae.pt`, the state_dict of one of its classes, and `config.json`, what it was trained by.

Its activations are normalised, if at all, in training only: what it saves has the scale folded in.
"""

from typing import Any

from torch import Tensor

from models.dictionaries.tensor_checks import UnreadableDictionary, validate_tensors
from models.dictionaries.tensor_files import read_json, read_torch, require_keys, require_positive_ints
from models.interchange.sae_import import ImportedDictionary, known_facts
from storage.folder import Folder

CONFIG, WEIGHTS = "config.json", "ae.pt"
FILES = (CONFIG, WEIGHTS)

_LINEAR = {"encoder.weight": "W_enc", "encoder.bias": "b_enc", "decoder.weight": "W_dec"}
_PLAIN = {name: name for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
_NAMES = {
    "AutoEncoder": _LINEAR | {"bias": "b_dec"},
    "AutoEncoderNew": _LINEAR | {"decoder.bias": "b_dec"},
    "AutoEncoderTopK": _LINEAR | {"b_dec": "b_dec"},
    "BatchTopKSAE": _LINEAR | {"b_dec": "b_dec"},
    "MatryoshkaBatchTopKSAE": _PLAIN,
    "JumpReluAutoEncoder": _PLAIN | {"threshold": "threshold"},
    "GatedAutoEncoder": {
        "encoder.weight": "W_enc", "decoder.weight": "W_dec", "decoder_bias": "b_dec",
        "gate_bias": "b_gate", "mag_bias": "b_mag", "r_mag": "r_mag",
    },
}  # fmt: skip
"""Tensors of each class and what SAELens calls them; counts and the one threshold of top-k classes are apart."""
_ARCHITECTURES = {"AutoEncoder": "standard", "AutoEncoderNew": "standard", "GatedAutoEncoder": "gated"}
_UNCENTRED = ("AutoEncoderNew", "JumpReluAutoEncoder")
"""Classes that do not subtract the decoder bias from what they read."""


def recognises(folder: Folder) -> bool:
    return folder.exists(WEIGHTS)


def read(folder: Folder) -> ImportedDictionary:
    where = f"{folder}/{WEIGHTS}"
    config = read_json(folder, CONFIG)
    trainer = config.get("trainer") or {}
    (kind,) = require_keys(f"{folder}/{CONFIG}: trainer", trainer, "dict_class")
    d_in, d_sae = require_positive_ints(f"{folder}/{CONFIG}: trainer", trainer, "activation_dim", "dict_size")
    if kind not in _NAMES:
        raise UnreadableDictionary(f"{folder}/{CONFIG}: dict_class is {kind!r}, wanted one of {', '.join(_NAMES)}")
    state = read_torch(folder, WEIGHTS)
    read = {"d_in": d_in, "d_out": d_in, "d_sae": d_sae, "apply_b_dec_to_input": kind not in _UNCENTRED}
    buffer, hook = config.get("buffer") or {}, trainer.get("submodule_name")
    if hook and buffer.get("io") == "in":
        hook = f"{hook}.input"  # it reads what goes into the module
    facts = known_facts(
        model_name=trainer.get("lm_name"),
        hook_name=hook,
        layer=trainer.get("layer"),
        context_size=buffer.get("ctx_len"),
    )
    k = _taken_count(where, state, "k", trainer.get("k")) if "TopK" in kind else None
    threshold = _taken_threshold(where, state) if "TopK" in kind else None
    state.pop("group_sizes", None)
    names = _NAMES[kind]
    shapes = {name: _shape(name, ours, d_in, d_sae) for name, ours in names.items()}
    tensors = {names[name]: tensor for name, tensor in validate_tensors(where, state, shapes).items()}
    for matrix, linear in (("W_enc", "encoder.weight"), ("W_dec", "decoder.weight")):
        if linear in names:
            tensors[matrix] = tensors[matrix].T.contiguous()
    if kind == "JumpReluAutoEncoder":
        read["architecture"] = "jumprelu"
        tensors["threshold"] = tensors["threshold"].clamp_min(0)  # the class cuts negative activations first
    elif k is None:
        read["architecture"] = _ARCHITECTURES[kind]
    elif kind == "AutoEncoderTopK" or threshold is None or threshold < 0:
        read |= {"architecture": "topk", "k": k}
        if kind != "AutoEncoderTopK":
            facts["note"] = f"{kind} whose threshold was never estimated: the {k} largest of each token fire instead"
    else:
        read["architecture"] = "jumprelu"
        tensors["threshold"] = threshold.expand(d_sae).clone()
    return ImportedDictionary("dictionary_learning", read, tensors, facts)


def _shape(name: str, ours: str, d_in: int, d_sae: int) -> tuple[int, ...]:
    if ours in ("W_enc", "W_dec"):
        encodes, linear = ours == "W_enc", name.endswith(".weight")  # of a linear layer: [to, from]
        return (d_in, d_sae) if encodes != linear else (d_sae, d_in)
    return (d_in,) if ours == "b_dec" else (d_sae,)


def _taken_count(where: str, state: dict[str, Any], name: str, written: int | None) -> int:
    """A whole number that is removed from the state_dict; the configuration's where the state_dict has none."""
    found = state.pop(name, written)
    if isinstance(found, Tensor) and found.numel() == 1:
        found = found.item()
    if not isinstance(found, int) or found < 1:
        raise UnreadableDictionary(f"{where}: {name} is {found}, wanted a whole number above 0 there or in {CONFIG}")
    return found


def _taken_threshold(where: str, state: dict[str, Any]) -> Tensor | None:
    """The threshold of all features, removed from the state_dict; older versions have none."""
    found = state.pop("threshold", None)
    return None if found is None else validate_tensors(where, {"threshold": found}, {"threshold": ()})["threshold"]
