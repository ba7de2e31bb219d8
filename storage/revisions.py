"""Which version of a model a card means, found without reading or downloading its weights."""

import hashlib
import re
from pathlib import Path

from storage.folder import Folder

_SAMPLES, _SAMPLE_BYTES = 64, 4096
_COMMIT = re.compile("[0-9a-f]{40}")
_CONTENT = (".safetensors", ".json", ".txt", ".model", ".bin", ".pt", ".npz", ".gguf")


def is_folder(source: str) -> bool:
    """Whether a source is a folder, local or by URL; else it is a repository on the hub."""
    return "://" in source or Folder(source).exists()


def is_available_offline(source: str, revision: str | None = None) -> bool:
    """Whether a model lies on this machine, as a folder or in the hub's own cache: it can be read without a network."""
    return "://" not in source if is_folder(source) else file_offline(source, revision, "config.json") is not None


def file_offline(source: str, revision: str | None, name: str) -> Path | None:
    """A file of a model that lies on this machine; None where it does not."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    if is_folder(source):
        path = None if "://" in source else str(Path(source) / name)
    else:
        try:
            path = try_to_load_from_cache(source, name, revision=revision)
        except HFValidationError:  # a folder that is gone
            path = None
    return Path(path) if isinstance(path, str) and Path(path).exists() else None


def resolve_revision(source: str, revision: str | None) -> str:
    """The commit of a hub repository, or a fingerprint of a folder's content.

    A folder's fingerprint covers the names and sizes of its files and 64 samples of 4 kB, evenly spread, of each:
    constant work for any size, the same on every machine, and different when weights were trained further.

    Raises:
        FileNotFoundError: If a folder holds no model files.
        ValueError: If the hub does not know the repository or revision, or cannot be reached and its cache on this
            machine holds no such revision either.
    """
    return _fingerprint(Folder(source)) if is_folder(source) else _commit(source, revision)


def _fingerprint(folder: Folder) -> str:
    names = [name for name in folder.names() if name.endswith(_CONTENT)]
    if not names:
        raise FileNotFoundError(
            f"{folder} holds no model: wanted a folder with config.json, tokenizer files and *.safetensors (a GGUF "
            "file is converted to one as examples/smollm2/prepare.py does it)"
        )
    digest = hashlib.sha256()
    for name in names:
        size = folder.size(name)
        digest.update(f"{name}\0{size}\0".encode())
        starts = sorted({i * max(size - _SAMPLE_BYTES, 0) // (_SAMPLES - 1) for i in range(_SAMPLES)})
        for sample in folder.samples(name, starts, _SAMPLE_BYTES):
            digest.update(sample)
    return digest.hexdigest()


def _commit(source: str, revision: str | None) -> str:
    """What the hub says or, where it cannot be reached, which commit of that revision the hub's own cache holds."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if revision is not None and _COMMIT.fullmatch(revision):
        return revision
    try:
        return HfApi().model_info(source, revision=revision, timeout=20).sha or "unknown"
    except (HfHubHTTPError, HFValidationError) as error:
        raise _unanswered(source, revision, error) from error
    except Exception as error:  # offline, or what the client's HTTP library, another one by version, says of a network
        try:
            return Path(snapshot_download(source, revision=revision, local_files_only=True)).name
        except OSError:
            raise _unanswered(source, revision, error) from error


def _unanswered(source: str, revision: str | None, error: Exception) -> ValueError:
    return ValueError(
        f"{source!r} is no folder here, and the hub did not answer for it (revision {revision or 'default'}): {error}. "
        "Correct the name in the card, give a local folder or s3:// address, or check the network"
    )
