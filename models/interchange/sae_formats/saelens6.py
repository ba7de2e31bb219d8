"""SAELens 6: `cfg.json` whose metadata names the version, and `sae_weights.safetensors`.

Training checkpoints are read too: a batch top-k dictionary becomes a jumprelu one with its running threshold, and an
average norm is folded where `activation_scaler.json` holds its factor.
"""

from typing import Any

import torch
from torch import Tensor

from models.dictionaries.tensor_checks import UnreadableDictionary, validate_tensors
from models.dictionaries.tensor_files import read_json, read_safetensors, require_keys, require_positive_ints
from models.interchange.provenance import PROCESSING
from models.interchange.sae_import import ImportedDictionary, known_facts, layer_of
from models.interchange.sae_rescaling import fold_scales, unit_rows
from storage.folder import Folder

CONFIG, WEIGHTS, SCALER = "cfg.json", "sae_weights.safetensors", "activation_scaler.json"
FILES = (CONFIG, WEIGHTS, SCALER)

_BATCH = ("batchtopk", "matryoshka_batchtopk")
_TRANSCODERS = ("transcoder", "skip_transcoder", "jumprelu_transcoder", "jumprelu_skip_transcoder")
_READ = ("standard", "topk", "jumprelu", "gated", *_TRANSCODERS, *_BATCH)


def recognises(folder: Folder) -> bool:
    return folder.exists(CONFIG) and is_six(read_json(folder, CONFIG))


def is_six(config: dict[str, Any]) -> bool:
    """Whether the version that a configuration names is at least 6; without one SAELens too takes it for older."""
    version = config.get("sae_lens_version") or (config.get("metadata") or {}).get("sae_lens_version") or ""
    major = str(version).split(".")[0]
    return major.isdecimal() and int(major) >= 6


def read(folder: Folder) -> ImportedDictionary:
    config = read_json(folder, CONFIG)
    metadata = config.get("metadata") or {}
    hook_in = metadata.get("hook_name")
    hook_out = metadata.get("hook_name_out") or (None if config.get("architecture") in _TRANSCODERS else hook_in)
    facts = facts_of(config, metadata, hook_in, hook_out) | known_facts(layer=layer_of(hook_in), l0=metadata.get("l0"))
    return dictionary(folder, "saelens6", config, facts)


def facts_of(
    config: dict[str, Any], metadata: dict[str, Any], hook_in: str | None, hook_out: str | None
) -> dict[str, Any]:
    """What a configuration says of where the dictionary belongs; layer and L0 apart."""
    loaded = metadata.get("model_from_pretrained_kwargs") or {}
    return known_facts(
        model_name=metadata.get("model_name"),
        model_revision=loaded.get("revision"),
        model_processing=sorted(name for name, done in loaded.items() if done is True and name in PROCESSING) or None,
        hook_name=hook_in,
        hook_in=hook_in,
        hook_out=hook_out,
        hook_head_index=metadata.get("hook_head_index"),
        context_size=metadata.get("context_size"),
        prepend_bos=metadata.get("prepend_bos"),
        dataset=metadata.get("dataset_path"),
        reshape_activations=config.get("reshape_activations"),
    )


def dictionary(folder: Folder, format: str, config: dict[str, Any], facts: dict[str, Any]) -> ImportedDictionary:
    """The dictionary of a configuration whose keys are those of SAELens 6, with the weights beside it.

    Raises:
        UnreadableDictionary: If it is of an architecture that nothing here reads, if its activations are normalised in
            a way that the weights cannot hold, or if a key or tensor is missing, unexpected or damaged.
    """
    where = f"{folder}/{CONFIG}"
    (architecture,) = require_keys(where, config, "architecture")
    d_in, d_sae = require_positive_ints(where, config, "d_in", "d_sae")
    if architecture not in _READ:
        raise UnreadableDictionary(f"{where}: architecture is {architecture!r}, wanted one of {', '.join(_READ)}")
    d_out = config.get("d_out") or d_in
    centred = bool(config.get("apply_b_dec_to_input", architecture not in _TRANSCODERS))
    if architecture in _TRANSCODERS and centred:
        raise UnreadableDictionary(
            f"{where} says apply_b_dec_to_input for a {architecture}, whose b_dec belongs to what it writes: set false"
        )
    scale = _scale(folder, config)
    if scale != 1 and architecture in _TRANSCODERS:
        raise UnreadableDictionary(
            f"{where} scales what a {architecture} reads, but not what it writes: fold it and save"
        )
    tensors = read_safetensors(folder, WEIGHTS)
    finetuned = _finetuned(f"{folder}/{WEIGHTS}", config, tensors, d_sae)
    tensors = validate_tensors(f"{folder}/{WEIGHTS}", tensors, _shapes(architecture, d_in, d_sae, d_out))
    tensors["W_dec"] = tensors["W_dec"] * finetuned
    if config.get("rescale_acts_by_decoder_norm") and architecture in ("topk", *_BATCH):
        tensors = unit_rows(tensors)
    if scale != 1:
        tensors = fold_scales(tensors, scale, scale)
    read = {"architecture": architecture, "d_in": d_in, "d_out": d_out, "d_sae": d_sae, "apply_b_dec_to_input": centred}
    if architecture == "topk":
        (read["k"],) = require_positive_ints(where, config, "k")
    if architecture in _BATCH:
        read["architecture"] = "jumprelu"
        tensors["threshold"] = tensors.pop("topk_threshold").expand(d_sae).clone()
        facts = facts | {"note": f"a training checkpoint of {architecture}, read with its running threshold"}
    if "threshold" in tensors:
        tensors["threshold"] = tensors["threshold"].clamp_min(0)  # SAELens cuts negative activations first
    return ImportedDictionary(format, read, tensors, facts)


def _shapes(architecture: str, d_in: int, d_sae: int, d_out: int) -> dict[str, tuple[int, ...]]:
    features = ["b_gate", "b_mag", "r_mag"] if architecture == "gated" else ["b_enc"]
    if architecture.startswith("jumprelu"):
        features.append("threshold")
    shapes: dict[str, tuple[int, ...]] = {"W_enc": (d_in, d_sae), "W_dec": (d_sae, d_out), "b_dec": (d_out,)}
    shapes |= dict.fromkeys(features, (d_sae,))
    if "skip" in architecture:
        shapes["W_skip"] = (d_out, d_in)
    if architecture in _BATCH:
        shapes["topk_threshold"] = ()
    return shapes


def _scale(folder: Folder, config: dict[str, Any]) -> float:
    """Factor that the activations were multiplied by."""
    normalised = config.get("normalize_activations") or "none"
    if normalised == "none":
        return 1.0
    if normalised == "expected_average_only_in":
        if folder.exists(SCALER) and (scaler := read_json(folder, SCALER)).get("scaling_factor"):
            return float(scaler["scaling_factor"])
        raise UnreadableDictionary(
            f"{folder}/{CONFIG} says normalize_activations={normalised!r}, but the average norm is in no file beside "
            "it: fold it into the weights (SAELens: fold_activation_norm_scaling_factor) and save again"
        )
    raise UnreadableDictionary(
        f"{folder}/{CONFIG} says normalize_activations={normalised!r}, which depends on each token or on another "
        "space and cannot be folded into weights: wanted 'none' or 'expected_average_only_in'"
    )


def _finetuned(where: str, config: dict[str, Any], tensors: dict[str, Tensor], d_sae: int) -> Tensor:
    """Factors of the decoder's rows, [d_sae, 1], which some files of SAELens before 6 carry; they leave `tensors`."""
    names = [name for name in ("scaling_factor", "finetuning_scaling_factor") if name in tensors]
    if not names:
        return torch.ones(1, 1)
    (name, *_) = names
    factors_F = validate_tensors(where, {name: tensors.pop(name)}, {name: (d_sae,)})[name]
    if not config.get("finetuning_scaling_factor") and not torch.allclose(factors_F, torch.ones(())):
        raise UnreadableDictionary(
            f"{where} holds {name} other than 1, but {CONFIG} says finetuning_scaling_factor=false: make them agree"
        )
    return factors_F[:, None]
