"""OpenMOSS's cross-layer transcoders (Language-Model-SAEs): `config.json` and `sae_weights.safetensors` of all blocks.

W_E[l] codes what block l reads, scaled to an average norm of √D; W_D.m[l] is what its features write to block m. A file
whose scales are not folded in holds the average norm of every site; codes keep the unit of the file.

Axes: L blocks, F features, D width.
"""

import torch

from models.dictionaries.architectures.cross_layer_transcoder import TO
from models.dictionaries.tensor_checks import UnreadableDictionary, validate_tensors
from models.dictionaries.tensor_files import read_json, read_safetensors_row, require_keys, require_positive_ints
from models.interchange.sae_formats.openmoss import (
    CONFIG,
    FILES,
    NORM,
    WEIGHTS,
    activation,
    factor,
    gates_by_norm,
    is_scaled,
)
from models.interchange.sae_import import ImportedDictionary, known_facts
from models.interchange.sae_rescaling import SMALLEST
from models.interchange.set_formats.circuit_tracer import slice_config
from storage.folder import Folder

__all__ = ["FILES", "read", "recognises"]
THRESHOLD = "activation_function.log_jumprelu_threshold"
ACTIVATIONS = ("relu", "jumprelu")


def recognises(folder: Folder) -> bool:
    return folder.exists(CONFIG) and read_json(folder, CONFIG).get("sae_type") == "clt"


def read(folder: Folder, block: int) -> ImportedDictionary:
    """The dictionary of a block: its encoder, and its decoders to this block and all later ones.

    Raises:
        UnreadableDictionary: If the file has no such block, a tensor has another shape than the configuration says, or
            what fires is chosen among the features of a token, which no threshold repeats.
    """
    where, config = f"{folder}/{CONFIG}", read_json(folder, CONFIG)
    read_at, written_at, expansion = require_keys(
        where, config, "hook_points_in", "hook_points_out", "expansion_factor"
    )
    (D,) = require_positive_ints(where, config, "d_model")
    L, F = len(read_at), round(D * expansion)
    if block >= L:
        raise UnreadableDictionary(
            f"{folder} holds a transcoder of {L} blocks, 0 to {L - 1}, and block {block} was asked for: correct layers"
        )
    kind = str(config.get("act_fn")).lower()
    if kind not in ACTIVATIONS:
        raise UnreadableDictionary(
            f"{where}: the activation is {kind}, which compares features of a token with each other: wanted one of "
            f"{', '.join(ACTIVATIONS)}, convert it to jumprelu first"
        )
    activation(where, config)  # says why, where an encoder is gated
    held = read_safetensors_row(folder, WEIGHTS, block, lambda name: not name.startswith((NORM, "b_D.")))
    norms = {name.removeprefix(NORM): held.pop(name).item() for name in list(held) if name.startswith(NORM)}
    shapes: dict[str, tuple[int, ...]] = {"W_E": (D, F), "b_E": (F,)}
    shapes |= {f"W_D.{m}": (F, D) for m in range(block, L)} | {f"b_D.{m}": (D,) for m in range(L)}
    shapes |= {THRESHOLD: (F,)} if kind == "jumprelu" else {}
    found = validate_tensors(f"{folder}/{WEIGHTS}", held, shapes)
    reads, writes_L = 1.0, dict.fromkeys(range(L), 1.0)
    if is_scaled(where, config):
        reads = factor(f"{folder}/{WEIGHTS}", D, norms, read_at[block])
        writes_L = {m: factor(f"{folder}/{WEIGHTS}", D, norms, written_at[m]) for m in range(block, L)}
    decoders = {m: found[f"W_D.{m}"] for m in range(block, L)}
    threshold_F = torch.zeros(F)
    if kind == "jumprelu":
        threshold_F = found[THRESHOLD].exp()
        if gates_by_norm(config):
            squares_F = torch.stack([rows.square().sum(dim=1) for rows in decoders.values()]).sum(0)
            threshold_F = threshold_F / squares_F.sqrt().clamp_min(SMALLEST)
    tensors = {"W_enc": found["W_E"] * reads, "b_enc": found["b_E"], "threshold": threshold_F}
    tensors |= {"W_dec": decoders[block] / writes_L[block], "b_dec": found[f"b_D.{block}"] / writes_L[block]}
    tensors |= {f"{TO}{m}": rows / writes_L[m] for m, rows in decoders.items() if m > block}
    facts = known_facts(
        model_name=config.get("model_name"),
        hook_name=read_at[block],
        hook_in=read_at[block],
        hook_out=written_at[block],
        layer=block,
    )
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    return ImportedDictionary("openmoss", slice_config(D, D, F), contiguous, facts)
