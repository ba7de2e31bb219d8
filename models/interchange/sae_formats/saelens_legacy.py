"""SAELens before 6: the same files, but a flat `cfg.json` that names an activation function."""

from typing import Any

from models.dictionaries.tensor_checks import UnreadableDictionary
from models.dictionaries.tensor_files import read_json
from models.interchange.sae_formats.saelens6 import CONFIG, SCALER, WEIGHTS, dictionary, facts_of, is_six
from models.interchange.sae_import import ImportedDictionary, known_facts, layer_of
from storage.folder import Folder

FILES = (CONFIG, WEIGHTS, SCALER)


def recognises(folder: Folder) -> bool:
    if not folder.exists(CONFIG):
        return False
    config = read_json(folder, CONFIG)
    return "d_sae" in config and not is_six(config)


def read(folder: Folder) -> ImportedDictionary:
    config = read_json(folder, CONFIG)
    metadata = config | (config.get("metadata") or {})
    hook_in = metadata.get("hook_name") or metadata.get("hook_point")
    layer = metadata.get("hook_layer", metadata.get("hook_point_layer"))
    facts = facts_of(config, metadata, hook_in, metadata.get("hook_name_out") or hook_in)
    facts |= known_facts(layer=layer_of(hook_in) if layer is None else layer)
    return dictionary(folder, "saelens_legacy", _as_six(f"{folder}/{CONFIG}", config), facts)


def _as_six(where: str, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with the keys of SAELens 6, by the rules by which it reads older ones itself."""
    activation = config.get("activation_fn_str") or config.get("activation_fn") or "relu"
    arguments = config.get("activation_fn_kwargs") or {}
    config = {"architecture": "standard"} | config
    if activation == "topk":
        config |= {"architecture": "topk"} | ({"k": arguments["k"]} if "k" in arguments else {})
    elif activation != "relu":
        raise UnreadableDictionary(f"{where} says activation_fn={activation!r}, wanted relu or topk: it cannot be read")
    if isinstance(config.get("normalize_activations"), bool):
        config["normalize_activations"] = "expected_average_only_in" if config["normalize_activations"] else "none"
    return config
