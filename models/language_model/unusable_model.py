"""What a folder or repository holds where it holds no model that can be read, and what to do about it."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from storage.folder import Folder

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
ADAPTER = "adapter_config.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


class UnusableModel(ValueError):
    """A model's files are missing, damaged or of a kind that is refused. Mend what the message names."""


def no_model(source: str, names: Sequence[str]) -> UnusableModel:
    if quantised := [name for name in names if name.endswith(".gguf")]:
        return UnusableModel(
            f"{source} holds its weights as GGUF ({quantised[0]}), wanted config.json, a tokenizer and *.safetensors: "
            "convert it once, where gguf and accelerate are installed: read it by AutoModelForCausalLM.from_pretrained("
            "folder, gguf_file=…), give its state_dict() to one made by from_config(model.config), and save that and "
            "the tokenizer by save_pretrained (examples/smollm2/prepare.py does so)"
        )
    return UnusableModel(
        f"{source} holds no model: no config.json among {', '.join(names) or 'its 0 files'}. Correct `source`"
    )


def refuse_adapter(source: str, names: Iterable[str], folder: Folder) -> None:
    """Raises UnusableModel where a LoRA or another adapter lies, alone or beside a model: whether it is applied would
    depend on which packages are installed."""
    if ADAPTER not in names:
        return
    try:
        base = json.loads(folder.read_bytes(ADAPTER)).get("base_model_name_or_path")
    except (ValueError, AttributeError):
        base = None
    raise UnusableModel(
        f"{source} holds an adapter (LoRA or the like, {ADAPTER}), which changes {base or 'a base model'} and is no "
        "model: merge it first, where peft is installed: PeftModel.from_pretrained(base, adapter)"
        ".merge_and_unload().save_pretrained(folder), with the tokenizer; then name that folder"
    )


def no_weights(source: str, missing: list[str], names: Iterable[str]) -> UnusableModel:
    pickles = sorted(name for name in names if name.endswith(PICKLES))
    if pickles:
        return UnusableModel(
            f"{source} holds its weights as pickles ({', '.join(pickles)}), which can run code when they are read: "
            "wanted safetensors. Convert them where you trust them: load the model with transformers and call "
            "save_pretrained(folder), then name that folder in the card"
        )
    return UnusableModel(
        f"{source} has no weights: {', '.join(missing)} missing, found {', '.join(sorted(names)) or 'nothing'}. "
        f"Wanted {SINGLE}, or {INDEX} and every file that it names"
    )


def refuse_quantised(source: str, config: Any) -> None:
    """Raises UnusableModel if the weights are quantised in a way that cannot be read here."""
    quantisation = getattr(config, "quantization_config", None)
    if quantisation is None:
        return
    said = quantisation if isinstance(quantisation, dict) else quantisation.to_dict()
    method = str(said.get("quant_method", "an unnamed method"))
    raise UnusableModel(
        f"{source} holds weights quantised by {method}, and activations are read from float32, bfloat16 or float16 "
        f"weights: take the checkpoint that it was made from, or load it where {method} is installed with "
        "transformers, call dequantize() and save_pretrained(folder), and name that folder in the card"
    )
