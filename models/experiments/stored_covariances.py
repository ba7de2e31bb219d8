"""Covariances of keys, kept in a folder for the next experiment on the same model and text."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.experiments.method import ExperimentInput
from models.interventions.model_editing.key_covariance import KeyCovariance, key_covariances
from storage.folder import Folder
from storage.manifest import Manifest, ManifestFile, sha256_of

FILE, CODE = "covariance.safetensors", "1"
"""CODE is raised when the same texts give other numbers."""


def stored_covariances(
    given: ExperimentInput[Any], layers: Sequence[int], texts: Sequence[tuple[int, ...]]
) -> Mapping[int, KeyCovariance]:
    """The covariance of each block: read where it was made from this model and these texts, else made and kept."""
    about = {
        "code": CODE,
        "weights_sha256": given.host.weights_sha256,
        "dtype": str(next(given.host.model.parameters()).dtype),
        "n_special": len(given.prefix),
        "texts": sha256_of({"token_ids": [list(text) for text in texts]}),
    }
    found = {layer: _read(given.fits, layer, about) for layer in dict.fromkeys(layers)}
    missing = [layer for layer, each in found.items() if each is None]
    made = key_covariances(given.host, missing, texts, len(given.prefix)) if missing else {}
    for layer, covariance in made.items():
        _write(given.fits, layer, about, covariance)
    return {layer: each for layer, each in (found | dict(made)).items() if each is not None}


def _folder(fits: Folder, layer: int) -> Folder:
    return fits / "key_covariance" / f"block={layer}"


def _read(fits: Folder | None, layer: int, about: dict[str, Any]) -> KeyCovariance | None:
    from safetensors.torch import load_file

    manifest = None if fits is None else Manifest.find_current(_folder(fits, layer), about | {"layer": layer})
    if fits is None or manifest is None:
        return None
    with manifest.files[0].reading(_folder(fits, layer)) as path:
        return KeyCovariance(load_file(path)["moment"], int(manifest.facts["n_tokens"]))


def _write(fits: Folder | None, layer: int, about: dict[str, Any], covariance: KeyCovariance) -> None:
    from safetensors.torch import save_file

    if fits is None:
        return
    folder = _folder(fits, layer)
    with folder.writing(FILE) as path:
        save_file({"moment": covariance.moment_EE}, path)
    files = (ManifestFile.written(folder, FILE, 1),)
    Manifest(about | {"layer": layer}, files, {"n_tokens": covariance.n_tokens}).write(folder)
