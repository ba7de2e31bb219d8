"""Files with bytes changed, lost, doubled and moved: read as what they say, or refused by an error of our own."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mutations import ends_of
from safetensors.numpy import save

from pipelines.integrity.file_formats import format_fault
from storage.folder import Folder
from storage.manifest import DamagedFile, Manifest, ManifestFile

DEFAULT, MANY = 300, 70_000


def read_manifest(body: bytes, aside: Path) -> str:
    """Of schema version 1, which has no seal: every change reaches what stands behind it."""
    try:
        manifest = Manifest.parse(body, Folder(str(aside)))
    except DamagedFile:
        return "refused"
    assert all("/" not in entry.name and entry.name != ".." for entry in manifest.files)
    return "read"


def read_file(suffix: str) -> Callable[[bytes, Path], str]:
    """Whatever the content is, the answer is a sentence or none."""

    def read(body: bytes, aside: Path) -> str:
        path = aside / f"file.{suffix}"
        path.write_bytes(body)
        fault = format_fault(path, ManifestFile(path.name, 3, len(body), "0" * 64), None)
        assert fault is None or (fault and "\n" not in fault and len(fault) < 1000), fault
        return "read" if fault is None else "refused"

    return read


def unsealed() -> bytes:
    """A manifest of schema version 1, which no hash vouches for."""
    manifest = Manifest({"made_from": "x", "n": 3}, (ManifestFile("part-0.parquet", 3, 9, "0" * 64),), {"a": 1})
    said = {
        "identity": manifest.identity,
        "files": [{"name": "part-0.parquet", "rows": 3, "bytes": 9, "sha256": "0" * 64}],
    }
    return json.dumps(said | {"facts": {}, "schema_version": 1, "identity_sha256": manifest.identity_sha256}).encode()


def parquet(aside: Path) -> bytes:
    pq.write_table(pa.table({"feature_id": [1, 2, 3], "token": ["a", "b", "c"]}), aside / "seed.parquet")
    return (aside / "seed.parquet").read_bytes()


KINDS: dict[str, tuple[Callable[[Path], bytes], Callable[[bytes, Path], str]]] = {
    "manifest": (lambda aside: unsealed(), read_manifest),
    "safetensors": (lambda aside: save({"W_dec": np.ones((3, 4), np.float32)}), read_file("safetensors")),
    "parquet": (parquet, read_file("parquet")),
}


def tried(kind: str, n: int, aside: Path) -> None:
    seed_of, read = KINDS[kind]
    seed = seed_of(aside)
    (aside / "seed.parquet").unlink(missing_ok=True)
    (aside / f"file.{kind}").touch()
    ends = ends_of(kind, seed, n, lambda body: read(body, aside), aside)
    assert ends["refused"] > n / 4, ends


@pytest.mark.parametrize("kind", KINDS)
def test_a_mutated_file_is_read_or_refused(kind: str, tmp_path: Path):
    tried(kind, DEFAULT, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_mutated_files_are_read_or_refused(kind: str, tmp_path: Path):
    tried(kind, MANY, tmp_path)
