"""Qwen-Scope: one `layerN.sae.pt` per block, in a repository whose name says how many features fire (`…-L0_50`)."""

import re

from models.dictionaries.tensor_checks import UnreadableDictionary, validate_tensors, vector_length
from models.dictionaries.tensor_files import read_torch
from models.interchange.sae_import import ImportedDictionary, known_facts
from storage.folder import Folder

FILES = ()
"""None by default: each is of another block, so a source names the file."""

_SUFFIX = ".sae.pt"


def recognises(folder: Folder) -> bool:
    return any(name.endswith(_SUFFIX) for name in folder.names())


def read(folder: Folder) -> ImportedDictionary:
    """Reads a file by the code of its model card, `topk(x @ W_enc.T + b_enc)`.

    The card would keep a negative pre-activation among the k largest; here, as in all other top-k dictionaries, it does
    not fire.
    """
    names = [name for name in folder.names() if name.endswith(_SUFFIX)]
    if len(names) != 1:
        contents = ", ".join(names) or f"no {_SUFFIX} file"
        raise UnreadableDictionary(f"{folder} holds {contents}: name one file, as {folder}/layer0{_SUFFIX}")
    where = f"{folder}/{names[0]}"
    named = re.search(r"L0_(\d+)", folder.url)
    if named is None:
        raise UnreadableDictionary(
            f"{where} does not say how many features fire, and nor does its path: keep it in a folder named as its "
            "repository is, with L0_50 or L0_100"
        )
    contents = read_torch(folder, names[0])
    d_sae, d_in = vector_length(where, contents, "b_enc"), vector_length(where, contents, "b_dec")
    shapes = {"W_enc": (d_sae, d_in), "W_dec": (d_in, d_sae), "b_enc": (d_sae,), "b_dec": (d_in,)}
    tensors = validate_tensors(where, contents, shapes)
    tensors |= {name: tensors[name].T.contiguous() for name in ("W_enc", "W_dec")}
    config = {"architecture": "topk", "d_in": d_in, "d_out": d_in, "d_sae": d_sae, "apply_b_dec_to_input": False}
    block = re.fullmatch(r"layer(\d+)\.sae\.pt", names[0])
    layer = int(block[1]) if block else None
    model = re.search(r"SAE-Res-(Qwen[\w.]+(?:-\w+)*?)-W\d+K-L0_", folder.url)
    hook = None if layer is None else f"model.layers.{layer}"
    facts = known_facts(
        model_name=f"Qwen/{model[1]}" if model else None, hook_name=hook, hook_in=hook, hook_out=hook, layer=layer
    )
    return ImportedDictionary("qwen_scope", config | {"k": int(named[1])}, tensors, facts)
