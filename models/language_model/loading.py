"""Checkpoints: found on the hub, in a folder or on S3, refused unless safetensors, hashed and loaded."""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.dtypes import DTYPES
from models.language_model.model_class import language_model_class
from models.language_model.module_map import unknown
from models.language_model.unusable_model import (
    INDEX,
    PICKLES,
    SINGLE,
    UnusableModel,
    no_model,
    no_weights,
    refuse_adapter,
    refuse_quantised,
)
from storage.folder import Folder
from storage.revisions import is_folder, resolve_revision
from storage.visible_text import visible

TOKENIZERS = ("tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "vocab.txt")
_SMALL = ("*.json", "*.txt", "*.model", "*.jinja")
COMPILED = "_orig_mod."


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model's files in a local folder, and the one version of the source that they are."""

    source: str
    revision: str
    folder: Path

    @property
    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}

    def weight_files(self) -> list[Path]:
        """The safetensors files that make up the model, sorted by name.

        Raises:
            UnusableModel: If one is missing or the weights are pickled.
        """
        names, wanted = self.names, [SINGLE]
        if SINGLE not in names and INDEX in names:
            wanted = sorted(set(json.loads((self.folder / INDEX).read_bytes())["weight_map"].values()))
        missing = [name for name in wanted if name not in names]
        if missing:
            raise no_weights(self.source, missing, names | self.names_at_source())
        return [self.folder / name for name in wanted]

    def weights_sha256(self) -> str:
        """Hash of the weight files' content one after the other: what `cat model*.safetensors | sha256sum` says."""
        digest = hashlib.sha256()
        for path in self.weight_files():
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest()

    def names_at_source(self) -> set[str]:
        """What the source holds, also what was not fetched because it would be refused."""
        if is_folder(self.source):
            return set(Folder(self.source).names())
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError

        try:
            return set(HfApi().list_repo_files(self.source, revision=self.revision))
        except (HfHubHTTPError, OSError):
            return set()


@contextmanager
def open_model_files(
    source: str, revision: str | None = None, *, weights: bool = True, cache: Path | None = None
) -> Iterator[ModelFiles]:
    """A model's files as a local folder for as long as the block lasts.

    Args:
        source: Hub repository, local folder, or the URL of one.
        revision: Branch, tag or commit on the hub; a folder has none.
        weights: Whether weights are wanted too, or only config and tokenizer.
        cache: Where what is downloaded from a URL is kept for the next time; a temporary folder if None. The hub's
            client keeps a cache of its own.

    Raises:
        UnusableModel: If there are no model files, or they cannot be fetched.
    """
    if not is_folder(source):
        yield _from_hub(source, revision, weights)
        return
    if revision is not None:
        raise UnusableModel(
            f"{source} is a folder and holds one version, but revision {revision!r} is asked for: say null"
        )
    folder = Folder(source)
    names = folder.names()
    refuse_adapter(source, names, folder)
    if "config.json" not in names:
        raise no_model(source, names or ([folder.url] if folder.exists() else []))
    found = resolve_revision(source, None)
    if folder.is_local:
        yield ModelFiles(source, found, Path(folder.path))
    elif cache is not None:
        yield ModelFiles(source, found, _kept(folder, names, weights, cache / found))
    else:
        with tempfile.TemporaryDirectory(prefix="glasshouse-") as directory:
            yield ModelFiles(source, found, _download(folder, names, weights, Path(directory)))


def _kept(folder: Folder, names: list[str], weights: bool, into: Path) -> Path:
    """Downloads what the cache does not have; a file is there whole or not at all."""
    into.mkdir(parents=True, exist_ok=True)
    return _download(folder, [name for name in names if not (into / name).exists()], weights, into)


def _download(folder: Folder, names: list[str], weights: bool, into: Path) -> Path:
    """Copies a folder's files; the bytes of weights that will be refused are not worth fetching."""
    for name in names:
        if name.endswith(PICKLES) or (name.endswith(".safetensors") and not weights):
            continue
        with Folder(str(into)).writing(name) as path:
            folder.filesystem.get_file(f"{folder.path}/{name}", str(path))
    return into


def _from_hub(source: str, revision: str | None, weights: bool) -> ModelFiles:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    patterns: list[str] = [*_SMALL, "*.safetensors"] if weights else [*_SMALL]
    ignored = ["*/*", "consolidated*"]  # other frameworks' copies, and Mistral's own layout of the same weights
    try:
        path = Path(snapshot_download(source, revision=revision, allow_patterns=patterns, ignore_patterns=ignored))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise UnusableModel(
            f"{source!r} (revision {revision or 'default'}) is no folder here and could not be fetched from the hub: "
            f"{error}. Correct `source` in the model card, give a local folder or s3:// address, or check the network"
        ) from error
    files = ModelFiles(source, path.name, path)
    refuse_adapter(source, files.names, Folder(str(path)))
    if "config.json" not in files.names:
        raise no_model(source, sorted(files.names | files.names_at_source()))
    return files


def load_tokenizer(source: str, revision: str | None = None, *, cache: Path | None = None) -> Any:
    """The tokenizer of a model; its weights are not fetched."""
    with open_model_files(source, revision, weights=False, cache=cache) as files:
        return read_tokenizer(files)


def read_tokenizer(files: ModelFiles) -> Any:
    """The tokenizer of a checkpoint.

    Raises:
        UnusableModel: If it has none. Left to itself transformers would make an empty one up.
    """
    from transformers import AutoTokenizer

    if not files.names & set(TOKENIZERS):
        language_model_class(read_config(files))  # a model of images is told that it is no language model
        raise UnusableModel(
            f"{files.source} has no tokenizer: wanted one of {', '.join(TOKENIZERS)}. Save it beside the weights with "
            "tokenizer.save_pretrained(folder)"
        )
    try:
        return AutoTokenizer.from_pretrained(files.folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # the tokenizers library raises no narrower class
        raise UnusableModel(f"{files.source}: its tokenizer cannot be read ({error}). Save it again") from error


def load_model(files: ModelFiles, dtype: str) -> tuple[Any, bool]:
    """The model of a checkpoint on the CPU, frozen and in evaluation mode, and whether it is causal.

    A causal language model comes with its head, an encoder with its head for masked tokens where there is one.

    Raises:
        UnknownArchitecture: If transformers does not know the model, or it is neither causal nor an encoder.
        UnusableModel: If weights are missing or damaged.
    """
    files.weight_files()
    config = read_config(files)
    auto_class, causal = language_model_class(config)
    return load_frozen(files, auto_class, config, dtype), causal


def load_frozen(files: ModelFiles, auto_class: Any, config: Any, dtype: str) -> Any:
    """The model of a checkpoint by a class of transformers on the CPU, frozen and in evaluation mode.

    Raises:
        UnusableModel: If weights are quantised, missing or damaged.
    """
    import torch
    from safetensors import SafetensorError

    if dtype not in DTYPES:
        raise ValueError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}: correct it in the model card")
    refuse_quantised(files.source, config)
    options: dict[str, Any] = {"use_safetensors": True, "trust_remote_code": False, "local_files_only": True}
    options |= {"dtype": DTYPES[dtype], "ignore_mismatched_sizes": True, "output_loading_info": True}  # said below
    try:
        if _was_compiled(files):
            options["key_mapping"] = {re.escape(COMPILED): ""}
        with no_progress_bar():
            model, report = auto_class.from_pretrained(files.folder, config=config, **options)
    except torch.OutOfMemoryError:
        raise
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UnusableModel(
            f"{files.source}: its weights cannot be read ({error}). Fetch or save them again"
        ) from error
    wrong = sorted(
        {key if isinstance(key, str) else key[0] for key in (*report["missing_keys"], *report["mismatched_keys"])}
    )
    if wrong:
        raise UnusableModel(
            f"{files.source}: {len(wrong)} tensors that {type(model).__name__} needs are missing or of another shape "
            f"than config.json says, among them {', '.join(wrong[:3])}: save the whole model again"
        )
    return model.eval().requires_grad_(False)


def _was_compiled(files: ModelFiles) -> bool:
    """Whether tensors have the names that a module has once torch.compile wrapped it."""
    from safetensors import safe_open

    for path in files.weight_files():
        with safe_open(path, "pt") as file:
            if any(COMPILED in name for name in file.keys()):  # noqa: SIM118
                return True
    return False


def read_config(files: ModelFiles) -> Any:
    """The config of a checkpoint.

    Raises:
        UnknownArchitecture: If transformers does not know the model.
        UnusableModel: If the config is damaged.
    """
    from transformers import CONFIG_MAPPING, AutoConfig

    try:
        return AutoConfig.from_pretrained(files.folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # what its classes say of values is of no common kind
        try:
            config = json.loads((files.folder / "config.json").read_bytes())
        except ValueError:
            config = None
        if not isinstance(config, dict):
            raise UnusableModel(
                f"{files.source}: its config.json holds no JSON object: save the model again"
            ) from error
        model_type = config.get("model_type")
        if isinstance(model_type, str) and model_type in CONFIG_MAPPING:
            raise UnusableModel(
                f"{files.source}: its config.json has values that transformers refuses ({visible(str(error), 300)}): "
                "save the model again"
            ) from error
        said = visible(repr(model_type), 100)
        raise unknown(str(files.source), f"transformers does not know model_type {said}") from error


@contextmanager
def no_progress_bar() -> Iterator[None]:
    """A bar for each loading of a small model would only hide the bars that a person waits for."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
