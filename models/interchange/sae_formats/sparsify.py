"""sparsify: a folder per hook point with `cfg.json` and `sae.safetensors`; the run's `config.json` lies one above."""

from models.dictionaries.tensor_checks import UnreadableDictionary, validate_tensors
from models.dictionaries.tensor_files import read_json, read_safetensors, require_positive_ints
from models.interchange.hook_names import is_embedding
from models.interchange.sae_import import ImportedDictionary, known_facts, layer_of
from storage.folder import Folder

CONFIG, WEIGHTS, RUN = "cfg.json", "sae.safetensors", "config.json"
FILES = (CONFIG, WEIGHTS)


def recognises(folder: Folder) -> bool:
    if not folder.exists(CONFIG):
        return False
    config = read_json(folder, CONFIG)
    return "d_sae" not in config and ("num_latents" in config or "expansion_factor" in config)


def read(folder: Folder) -> ImportedDictionary:
    """Reads an autoencoder or, where the configuration says `transcode`, a transcoder; both keep the k largest."""
    where = f"{folder}/{CONFIG}"
    config = read_json(folder, CONFIG)
    d_in, k = require_positive_ints(where, config, "d_in", "k")
    d_sae = config.get("num_latents") or d_in * require_positive_ints(where, config, "expansion_factor")[0]
    activation = config.get("activation") or "topk"
    if activation != "topk" or config.get("signed"):
        found = "signed top-k" if config.get("signed") else activation
        raise UnreadableDictionary(f"{where}: the activation is {found}, wanted topk: no dictionary here codes so")
    transcodes, skips = bool(config.get("transcode")), bool(config.get("skip_connection"))
    shapes = {"encoder.weight": (d_sae, d_in), "encoder.bias": (d_sae,), "W_dec": (d_sae, d_in), "b_dec": (d_in,)}
    if skips:
        shapes["W_skip"] = (d_in, d_in)
    tensors = validate_tensors(f"{folder}/{WEIGHTS}", read_safetensors(folder, WEIGHTS), shapes)
    tensors["W_enc"] = tensors.pop("encoder.weight").T.contiguous()
    tensors["b_enc"] = tensors.pop("encoder.bias")
    read = {
        "architecture": "skip_transcoder" if skips else "transcoder" if transcodes else "topk",
        "d_in": d_in,
        "d_out": d_in,
        "d_sae": d_sae,
        "k": k,
        "apply_b_dec_to_input": not transcodes,
    }
    parent, _, hook = folder.url.rstrip("/").rpartition("/")
    run = read_json(Folder(parent), RUN) if parent and Folder(parent).exists(RUN) else {}
    names_module = layer_of(hook) is not None or is_embedding(hook)
    crosses = names_module and transcodes
    facts = known_facts(
        model_name=run.get("model"),
        hook_name=hook if names_module else None,
        hook_in=f"{hook}.input" if crosses else None,
        hook_out=f"{hook}.output" if crosses else None,
        layer=layer_of(hook),
        context_size=run.get("ctx_len"),
        dataset=run.get("dataset"),
    )
    return ImportedDictionary("sparsify", read, tensors, facts)
