"""The shards of one site as they are written: each whole or not at all, with what was counted as it was made."""

import json
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
import torch

from models.activations.activation_profile import ActivationProfile
from models.activations.norm_reference import NormReference
from models.activations.shards import batch_of, write_shard
from models.activations.site_reading import SiteActivations
from models.dtypes import DTYPES
from models.language_model.sites import Site
from storage.folder import Folder
from storage.manifest import Manifest, ManifestFile, sha256_of


@dataclass(frozen=True, slots=True)
class WrittenShards:
    """Shards of one site, and what was counted as they were made."""

    entries: tuple[ManifestFile, ...]
    profile: ActivationProfile
    rounding: float

    def __add__(self, later: "WrittenShards") -> "WrittenShards":
        return WrittenShards(self.entries + later.entries, self.profile + later.profile, self.rounding + later.rounding)


@dataclass(frozen=True, slots=True)
class SiteWriter:
    """Where one site's shards go, and which are there already."""

    folder: Folder
    identity: dict[str, Any]
    site: Site
    reference: NormReference
    dtype: str
    no_rows: ActivationProfile

    @property
    def identity_sha256(self) -> str:
        return sha256_of(self.identity)

    def kept(self, name: str) -> WrittenShards | None:
        """What an earlier, stopped harvest of the same identity left of this shard; another identity's is deleted."""
        if not self.folder.exists(name):
            return None
        with self.folder.reading(name) as path:
            metadata = {key.decode(): text.decode() for key, text in (pq.read_metadata(path).metadata or {}).items()}
            if metadata.get("identity_sha256") == self.identity_sha256:
                batch = batch_of(pq.read_table(path).combine_chunks(), DTYPES[self.dtype])
                entry = ManifestFile.of(path, name, len(batch.token_T))
                outliers = torch.tensor(json.loads(metadata["outlier_positions"]), dtype=torch.int64)
                profile = self.no_rows.of(batch, self.reference.centre_D, outliers)
                return WrittenShards((entry,), profile, float(metadata["rounding"]))
        self.folder.remove(name)
        return None

    def write(self, name: str, activations: SiteActivations) -> WrittenShards:
        outliers = json.dumps(activations.outlier_position_N.tolist())
        counted = {"outlier_positions": outliers, "rounding": repr(activations.rounding)}
        metadata = {"identity_sha256": self.identity_sha256, "site": str(self.site)} | counted
        with self.folder.writing(name) as path:
            write_shard(path, activations.batch, metadata)
            entry = ManifestFile.of(path, name, len(activations.batch.token_T))
        profile = self.no_rows.of(activations.batch, self.reference.centre_D, activations.outlier_position_N)
        return WrittenShards((entry,), profile, activations.rounding)

    def finish(self, written: WrittenShards, facts: dict[str, Any]) -> Manifest:
        """Writes the manifest: the shards, and what was counted."""
        rounding = written.rounding / max(written.profile.n, 1)
        measured = {
            "site": str(self.site),
            "dtype": self.dtype,
            "median_norm": self.reference.median,
            "norm_limit": self.reference.norm_limit,
            "rounding_share": rounding / max(written.profile.variance, 1e-300),
            "profile": written.profile.facts(),
        }
        manifest = Manifest(self.identity, written.entries, facts | measured)
        manifest.write(self.folder)
        return manifest
