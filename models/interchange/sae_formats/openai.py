"""OpenAI's sparse_autoencoder: one `.pt` file, a state_dict with the name of its activation function."""

from models.dictionaries.tensor_checks import UnreadableDictionary, validate_tensors, vector_length
from models.dictionaries.tensor_files import read_torch
from models.interchange.sae_import import ImportedDictionary, known_facts
from storage.folder import Folder

FILES = ()
"""None by default: their names are numbers, so a source names the file."""

_STATISTICS = ("stats_last_nonzero", "latents_activation_frequency", "latents_mean_square")


def recognises(folder: Folder) -> bool:
    names = [name for name in folder.names() if name.endswith(".pt")]
    return any(name != "ae.pt" and not name.endswith(".sae.pt") for name in names)


def read(folder: Folder) -> ImportedDictionary:
    """Reads a file of versions 1 to 4, whose activation is ReLU.

    Top-k files (version 5) are refused: they code each activation less its mean and over its standard deviation.
    """
    names = [name for name in folder.names() if name.endswith(".pt")]
    if len(names) != 1:
        held = ", ".join(names) or "no .pt file"
        raise UnreadableDictionary(f"{folder} holds {held}: name one file, as {folder}/<name>.pt")
    where = f"{folder}/{names[0]}"
    state = read_torch(folder, names[0])
    activation = state.pop("activation", "ReLU")
    state.pop("activation_state_dict", None)
    if activation == "TopK":
        raise UnreadableDictionary(
            f"{where} is a TopK autoencoder, which normalises every token by its own mean and deviation: that cannot "
            "be folded into weights, so only ReLU files (v1, v4) are read"
        )
    if activation != "ReLU":
        raise UnreadableDictionary(f"{where}: the activation is {activation!r}, wanted 'ReLU'")
    held = {name: tensor for name, tensor in state.items() if name not in _STATISTICS}
    d_in, d_sae = vector_length(where, held, "pre_bias"), vector_length(where, held, "latent_bias")
    shapes = {"encoder.weight": (d_sae, d_in), "decoder.weight": (d_in, d_sae)}
    found = validate_tensors(where, held, shapes | {"pre_bias": (d_in,), "latent_bias": (d_sae,)})
    tensors = {
        "W_enc": found["encoder.weight"].T.contiguous(),
        "W_dec": found["decoder.weight"].T.contiguous(),
        "b_enc": found["latent_bias"],
        "b_dec": found["pre_bias"],
    }
    config = {"architecture": "standard", "d_in": d_in, "d_out": d_in, "d_sae": d_sae, "apply_b_dec_to_input": True}
    stem = names[0].removesuffix(".pt")
    return ImportedDictionary("openai", config, tensors, known_facts(layer=int(stem) if stem.isdecimal() else None))
