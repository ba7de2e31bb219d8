"""Dictionaries that another library trained, found on disk, on S3 or on the hub and read as SAELens 6 names them."""

import functools
import importlib
import pkgutil
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from torch import Tensor

import models.interchange.sae_formats
from models.dictionaries.tensor_checks import UnreadableDictionary
from storage.folder import Folder
from storage.revisions import resolve_revision
from storage.visible_text import visible

_WEIGHTS = (".pt", ".pth", ".npz", ".safetensors")
_HUB = re.compile(r"hf:(?P<repository>[\w.-]+/[\w.-]+)(?:/(?P<path>[^*?\[\]]*[^*?\[\]/]))?/?")
_LAYER = re.compile(r"(?:^|\.)(?:blocks|layers?|h)\.(\d+)(?:\.|$)")


@dataclass(frozen=True, slots=True)
class ImportedDictionary:
    """A dictionary of another library, in the names and shapes of SAELens 6, float32, for raw activations.

    With s = 1 where `apply_b_dec_to_input`, else 0:
      pre = (x - s·b_dec) @ W_enc + b_enc
      standard, transcoder: codes = relu(pre), of which the k largest where the configuration has a `k`
      topk: the k largest of relu(pre);  jumprelu: pre · (pre > threshold)
      gated: relu((x - s·b_dec) @ (W_enc · exp(r_mag)) + b_mag) where (x - s·b_dec) @ W_enc + b_gate > 0
      y_hat = codes @ W_dec + b_dec (+ x @ W_skip.T)
    """

    format: str
    """The module of `models/interchange/sae_formats` that read it."""
    config: dict[str, Any]
    """architecture (standard, topk, jumprelu, gated, transcoder, skip_transcoder, jumprelu_transcoder or
    jumprelu_skip_transcoder), d_in, d_out, d_sae, apply_b_dec_to_input and, where only the k largest fire, k."""
    tensors: dict[str, Tensor]
    """W_enc [d_in, d_sae], W_dec [d_sae, d_out], b_dec [d_out]; b_enc, or b_gate, b_mag and r_mag, and threshold, all
    [d_sae]; W_skip [d_out, d_in]."""
    facts: dict[str, Any]
    """What the files say of where it belongs, and nothing they do not say: model_name, model_revision, model_processing
    (what TransformerLens did to the weights), hook_name, hook_in, hook_out, hook_head_index, layer, context_size,
    prepend_bos, dataset, l0; `note` is a sentence about what was read otherwise than it was written."""


class Format(Protocol):
    """What every module of `models/interchange/sae_formats` has."""

    FILES: tuple[str, ...]
    """Names that are fetched from a hub repository; `*` is allowed."""

    def recognises(self, folder: Folder) -> bool: ...

    def read(self, folder: Folder) -> ImportedDictionary: ...


@functools.cache
def formats() -> dict[str, Format]:
    """Every format there is, by name: a new one is one more file in `models/interchange/sae_formats`."""
    names = sorted(module.name for module in pkgutil.iter_modules(models.interchange.sae_formats.__path__))
    return {name: cast(Format, importlib.import_module(f"models.interchange.sae_formats.{name}")) for name in names}


def read_foreign(folder: Folder, format: str = "auto") -> ImportedDictionary:
    """Reads the dictionary in a folder.

    Args:
        format: The name of a module of `models/interchange/sae_formats`, or `auto` to ask each of them.

    Raises:
        UnreadableDictionary: If no format or several recognise the folder, or if what it holds is damaged, incomplete
            or scaled in a way that tensors cannot hold.
    """
    known = formats()
    if format != "auto":
        if format not in known:
            raise UnreadableDictionary(f"format {format!r} is none of {', '.join(known)}: correct it, or say auto")
        return _read(folder, format)
    found = [name for name in known if _recognises(folder, name)]
    if len(found) == 1:
        return _read(folder, found[0])
    held = ", ".join([*folder.names(), *(f"{name}/" for name in folder.folders())]) or "nothing"
    if found:
        raise UnreadableDictionary(f"{folder} could be {' or '.join(found)} (it holds {held}): say which in `format`")
    raise UnreadableDictionary(
        f"{folder} holds {held}, in which no format of {', '.join(known)} is seen: name the folder of one dictionary"
    )


_OTHER_VALUES = (TypeError, AttributeError, LookupError, OverflowError)
"""What a list in the place of a name, or a text in the place of a number, leads to: configs are of other hands."""


def _recognises(folder: Folder, name: str) -> bool:
    try:
        return formats()[name].recognises(folder)
    except _OTHER_VALUES:
        return False


def _read(folder: Folder, name: str) -> ImportedDictionary:
    try:
        return formats()[name].read(folder)
    except _OTHER_VALUES as error:
        raise UnreadableDictionary(
            f"{folder}: its config holds values that the format {name} does not have ({type(error).__name__}: "
            f"{visible(str(error), 200)}): save the dictionary again, or name its format in the recipe"
        ) from error


@dataclass(frozen=True, slots=True)
class SingleFileFolder(Folder):
    """A folder in which one file of weights is looked at; other files of weights are as if they were not there."""

    chosen: str = ""

    def names(self) -> list[str]:
        return [name for name in Folder.names(self) if self._seen(name)]

    def exists(self, name: str = "") -> bool:
        return self._seen(name) and Folder.exists(self, name)

    def _seen(self, name: str) -> bool:
        return name == self.chosen or not name.endswith(_WEIGHTS)


def fetch(source: str, revision: str | None = None) -> Folder:
    """The folder that a source means; from the hub, only files that some format reads are downloaded.

    Args:
        source: A folder or one file of weights in it: a local path, `s3://…`, or `hf:owner/repository[/path]`.
        revision: Of a hub repository: branch, tag or commit.

    Raises:
        UnreadableDictionary: If there is nothing of that name, or the hub does not give it.
    """
    if source.startswith("hf:"):
        source = _downloaded(source, revision)
    parent, _, name = source.rstrip("/").rpartition("/")
    folder = SingleFileFolder(parent or ".", name) if name.endswith(_WEIGHTS) else Folder(source)
    if not folder.exists():
        raise UnreadableDictionary(
            f"{source!r} is no folder and no file of weights here: correct it, or name a hub repository as "
            "hf:owner/repository/path"
        )
    if isinstance(folder, SingleFileFolder) and not folder.exists(name):
        beside = ", ".join(Folder.names(folder)) or "no files"
        raise UnreadableDictionary(f"{source!r} is not there; beside it lie {beside}: name one of them")
    return folder


def revision_of(source: str, revision: str | None = None) -> str:
    """The commit of a hub repository, or a fingerprint of the folder that a source means.

    Raises:
        ValueError: If there is nothing of that name, or the hub does not answer for it.
    """
    if match := _HUB.fullmatch(source):
        return resolve_revision(match["repository"], revision)
    return resolve_revision(fetch(source).url, None)


def _downloaded(source: str, revision: str | None) -> str:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        CachedRepoTreeNotFoundError,
        HfHubHTTPError,
        HFValidationError,
        RevisionResolutionError,
    )

    match = _HUB.fullmatch(source)
    if match is None:
        raise UnreadableDictionary(f"{source!r} is not of the form hf:owner/repository[/path]: correct it")
    repository, path = match["repository"], match["path"] or ""
    from models.interchange.set_import import set_formats  # which reads what this module fetches

    known = [name for module in [*formats().values(), *set_formats().values()] for name in module.FILES]
    if path.endswith(_WEIGHTS):
        parent, _, chosen = path.rpartition("/")
        known = [chosen, *(name for name in known if name.endswith(".json"))]
    else:
        parent = path
    patterns = sorted({f"{parent}/{name}".lstrip("/") for name in known} | {"config.json"})  # the run's, in the root
    try:
        snapshot = snapshot_download(repository, revision=revision, allow_patterns=patterns)
    except (HfHubHTTPError, HFValidationError, OSError, CachedRepoTreeNotFoundError, RevisionResolutionError) as error:
        raise UnreadableDictionary(
            f"the hub did not give {source!r} (revision {revision or 'default'}): {error}. Correct the name, give a "
            "local folder or s3:// address, or check the network"
        ) from error
    if not (Path(snapshot) / path).exists():
        raise UnreadableDictionary(
            f"{repository} (revision {revision or 'default'}) has at {path!r} no file that a dictionary is read from: "
            "name the folder of one dictionary"
        )
    return f"{snapshot}/{path}".rstrip("/")


def layer_of(hook: str | None) -> int | None:
    """The block that a hook's name is of: 3 in `blocks.3.hook_resid_post` and in `model.layers.3.output`."""
    match = _LAYER.search(hook or "")
    return int(match[1]) if match else None


def known_facts(**facts: Any) -> dict[str, Any]:
    """The facts that are known."""
    return {name: value for name, value in facts.items() if value is not None}
