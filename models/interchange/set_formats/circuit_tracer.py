"""circuit-tracer's cross-layer transcoders: `W_enc_{i}.safetensors`, `W_dec_{i}.safetensors` and `config.yaml`.

Axes: L blocks, F features, D width.
"""

import json
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch
import yaml
from torch import Tensor

from models.dictionaries.architectures.cross_layer_transcoder import TO, CrossLayerSlice
from models.dictionaries.tensor_checks import UnreadableDictionary, validate_tensors
from models.dictionaries.tensor_files import read_safetensors
from models.interchange.sae_import import ImportedDictionary, known_facts
from models.language_model.site_by_block import MOST_BLOCKS
from storage.folder import Folder

CONFIG = "config.yaml"
FILES = (CONFIG, *(f"W_{part}_{block}.safetensors" for block in range(MOST_BLOCKS) for part in ("enc", "dec")))
HOOKS = {"mlp_in": "mlp.hook_in", "resid_mid": "hook_resid_mid", "mlp_out": "hook_mlp_out"}
"""The site of a block, and what circuit-tracer calls it."""


def recognises(folder: Folder) -> bool:
    return folder.exists("W_enc_0.safetensors") and folder.exists("W_dec_0.safetensors")


def read(folder: Folder, block: int) -> ImportedDictionary:
    """The dictionary of a block: its encoder, and its decoders to this block and all later ones.

    Raises:
        UnreadableDictionary: If the file has no such block, or a tensor is not of the shape that the others have.
    """
    n_blocks = sum(name.startswith("W_enc_") for name in folder.names())
    if block >= n_blocks:
        raise UnreadableDictionary(
            f"{folder} holds a transcoder of {n_blocks} blocks, 0 to {n_blocks - 1}, and block {block} was asked for: "
            "correct layers"
        )
    encoder, config = read_safetensors(folder, f"W_enc_{block}.safetensors"), _config(folder)
    F, D = _shape(folder, block, encoder)
    shapes = {f"W_enc_{block}": (F, D), f"b_enc_{block}": (F,), f"b_dec_{block}": (D,)}
    shapes |= {f"threshold_{block}": (F,)} if f"threshold_{block}" in encoder else {}
    found = validate_tensors(f"{folder}/W_enc_{block}.safetensors", encoder, shapes)
    named = {name.removesuffix(f"_{block}"): t for name, t in found.items()}
    decoder = read_safetensors(folder, f"W_dec_{block}.safetensors")
    name = f"W_dec_{block}"
    own, *later = validate_tensors(f"{folder}/{name}.safetensors", decoder, {name: (F, n_blocks - block, D)})[
        name
    ].unbind(1)
    tensors = {"W_enc": named["W_enc"].T.contiguous(), "b_enc": named["b_enc"], "b_dec": named["b_dec"]}
    tensors |= {"W_dec": own.contiguous(), "threshold": named.get("threshold", torch.zeros(F)).clamp_min(0)}
    tensors |= {f"{TO}{block + 1 + number}": rows.contiguous() for number, rows in enumerate(later)}
    return ImportedDictionary("circuit_tracer", slice_config(D, D, F), tensors, _facts(config, block))


def slice_config(d_in: int, d_out: int, n_features: int) -> dict[str, Any]:
    """Of a cross-layer transcoder's block, as SAELens would configure what it writes to its own."""
    return {
        "architecture": "jumprelu_transcoder",
        "d_in": d_in,
        "d_out": d_out,
        "d_sae": n_features,
        "apply_b_dec_to_input": False,
        "metadata": {"training_architecture": CrossLayerSlice.architecture},
    }


def _shape(folder: Folder, block: int, encoder: Mapping[str, Any]) -> tuple[int, int]:
    found = encoder.get(f"W_enc_{block}")
    if not isinstance(found, Tensor) or found.dim() != 2:
        raise UnreadableDictionary(
            f"{folder}/W_enc_{block}.safetensors holds no matrix W_enc_{block} [features, width]: export it again"
        )
    return found.shape[0], found.shape[1]


def _config(folder: Folder) -> dict[str, Any]:
    """Of the whole transcoder; nothing where there is none."""
    if not folder.exists(CONFIG):
        return {}
    try:
        config = yaml.safe_load(folder.read_bytes(CONFIG))
    except yaml.YAMLError as error:
        raise UnreadableDictionary(f"{folder}/{CONFIG} is not YAML ({error}): write it again") from error
    kind = config.get("model_kind") if isinstance(config, dict) else None
    if kind != "cross_layer_transcoder":
        raise UnreadableDictionary(f"{folder}/{CONFIG} says model_kind={kind!r}, wanted 'cross_layer_transcoder'")
    return config


def _facts(config: Mapping[str, Any], block: int) -> dict[str, Any]:
    hooks = {key: config.get(f"feature_{key}_hook") for key in ("input", "output")}
    named = {key: None if hook is None else f"blocks.{block}.{hook}" for key, hook in hooks.items()}
    return known_facts(
        model_name=config.get("model_name"),
        hook_name=named["input"],
        hook_in=named["input"],
        hook_out=named["output"],
        layer=block,
    )


def write(slices: Mapping[int, CrossLayerSlice], folder: Folder, model_name: str, read: str, written: str) -> None:
    """Writes a whole transcoder as circuit-tracer's `load_clt` reads it; `config.yaml` goes last.

    Args:
        slices: Of blocks 0 to L - 1.
        read: Kind of the sites that are read, such as `mlp_in`.
        written: Of those that are written.

    Raises:
        ValueError: If a block lacks or the layout has no such site.
    """
    if list(slices) != list(range(len(slices))):
        raise ValueError(
            f"circuit-tracer's layout is of all blocks from 0 on, and the transcoder has {list(slices)}: train it with "
            "all layers"
        )
    if unknown := [kind for kind in (read, written) if kind not in HOOKS]:
        raise ValueError(f"circuit-tracer has no hook for {unknown[0]}; it has {', '.join(HOOKS)}")
    folder.remove(CONFIG)
    for block, sae in slices.items():
        tensors = {name: t.float().cpu() for name, t in sae.tensors().items()}
        later = [rows.float().cpu() for rows in sae.later_FE.values()]
        encoder = {
            f"W_enc_{block}": tensors["W_enc"].T.contiguous(),
            **{f"{name}_{block}": tensors[name].contiguous() for name in ("b_enc", "b_dec", "threshold")},
        }
        decoder = {f"W_dec_{block}": torch.stack([tensors["W_dec"], *later], dim=1).contiguous()}
        for name, content in ((f"W_enc_{block}", encoder), (f"W_dec_{block}", decoder)):
            with folder.writing(f"{name}.safetensors") as path:
                safetensors.torch.save_file(content, path)
    config = {"model_name": model_name, "model_kind": "cross_layer_transcoder"}
    config |= {"feature_input_hook": HOOKS[read], "feature_output_hook": HOOKS[written], "scan": None}
    lines = [f"{key}: {json.dumps(value)}\n" for key, value in config.items()]
    folder.write_bytes(CONFIG, "".join(lines).encode())
