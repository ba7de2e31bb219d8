"""Stores a model's activations at all wanted sites, read in one pass over a corpus, as Parquet shards.

The forward pass does not wait for the disk: a shard is handed to a writer thread, at most one ahead. A harvest that
was stopped continues after the last shard that every site has; what it then holds is what an uninterrupted one holds.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow.parquet as pq
import torch

from models.activations.activation_profile import ActivationProfile
from models.activations.norm_reference import MaxNorm, NormReference, norm_references
from models.activations.position_buckets import PositionBuckets
from models.activations.shards import batch_of, write_shard
from models.activations.site_reading import HookedModelProtocol, SiteActivations, capture_sites
from models.corpora.contexts import Context, TokenizedCorpus
from models.dtypes import DTYPES
from models.language_model.sites import Site
from storage.folder import Folder
from storage.manifest import Manifest, ManifestFile, sha256_of

SHARD_TOKENS = 65_536


@dataclass(frozen=True, slots=True)
class _Written:
    """Shards of one site, and what was counted as they were made."""

    entries: tuple[ManifestFile, ...]
    profile: ActivationProfile
    rounding: float

    def __add__(self, later: "_Written") -> "_Written":
        return _Written(self.entries + later.entries, self.profile + later.profile, self.rounding + later.rounding)


@dataclass(frozen=True, slots=True)
class _SiteWriter:
    """Where one site's shards go, and which are there already."""

    folder: Folder
    identity: dict[str, Any]
    site: Site
    reference: NormReference
    dtype: str
    no_rows: ActivationProfile

    @property
    def _identity_sha256(self) -> str:
        return sha256_of(self.identity)

    def kept(self, name: str) -> _Written | None:
        """What an earlier, stopped harvest of the same identity left of this shard; another identity's is deleted."""
        if not self.folder.exists(name):
            return None
        with self.folder.reading(name) as path:
            metadata = {key.decode(): text.decode() for key, text in (pq.read_metadata(path).metadata or {}).items()}
            if metadata.get("identity_sha256") == self._identity_sha256:
                batch = batch_of(pq.read_table(path).combine_chunks(), DTYPES[self.dtype])
                entry = ManifestFile.of(path, name, len(batch.token_T))
                outliers = torch.tensor(json.loads(metadata["outlier_positions"]), dtype=torch.int64)
                profile = self.no_rows.of(batch, self.reference.centre_D, outliers)
                return _Written((entry,), profile, float(metadata["rounding"]))
        self.folder.remove(name)
        return None

    def write(self, name: str, activations: SiteActivations) -> _Written:
        outliers = json.dumps(activations.outlier_position_N.tolist())
        counted = {"outlier_positions": outliers, "rounding": repr(activations.rounding)}
        metadata = {"identity_sha256": self._identity_sha256, "site": str(self.site)} | counted
        with self.folder.writing(name) as path:
            write_shard(path, activations.batch, metadata)
            entry = ManifestFile.of(path, name, len(activations.batch.token_T))
        profile = self.no_rows.of(activations.batch, self.reference.centre_D, activations.outlier_position_N)
        return _Written((entry,), profile, activations.rounding)

    def finish(self, written: _Written, facts: dict[str, Any]) -> Manifest:
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


def harvest(
    host: HookedModelProtocol,
    contexts: TokenizedCorpus,
    outputs: dict[Site, tuple[Folder, dict[str, Any]]],
    facts: dict[str, Any],
    report: Callable[[int, int], None] = lambda done, total: None,
    max_norm: MaxNorm = None,
    dtype: str = "bfloat16",
) -> dict[Site, Manifest]:
    """Stores the activations of a whole corpus at each site; continues where an earlier call was stopped.

    Args:
        host: The model.
        contexts: The corpus.
        outputs: Folder and identity of every site that is harvested.
        facts: What every manifest says beside its identity, such as where the corpus lies.
        report: Called after every pass and every shard with the contexts done and their number.
        max_norm: Activations whose norm exceeds this multiple of the site's median are left out; None leaves out none,
            and `auto` chooses (`models.activations.norm_reference`).
        dtype: The number format in which they are stored.

    Returns:
        The manifest of every site. Its facts have the limit, what rounding to the stored dtype
        costs as a share of the variance (`rounding_share`), and the profile of the rows.
    """
    references = norm_references(host, contexts, list(outputs), max_norm)
    length, first = int(contexts.manifest.facts["context_length"]), contexts.token_filter.frame.first_read
    no_rows = ActivationProfile.zero(PositionBuckets.of(length, first), host.vocab_size)
    files = {site: _SiteWriter(*output, site, references[site], dtype, no_rows) for site, output in outputs.items()}
    limits = {site: file.reference.norm_limit for site, file in files.items()}
    for output in files.values():
        output.folder.sweep()
    shards = {site: _Written((), no_rows, 0.0) for site in files}
    writing: dict[Site, Future[_Written]] = {}

    def settle() -> None:
        for site, written in writing.items():
            shards[site] += written.result()
        writing.clear()

    with ThreadPoolExecutor(max_workers=len(files)) as disk:
        for number, (done, some) in enumerate(_ranges(contexts)):
            name = f"shard-{number:05d}.parquet"
            kept = {site: output.kept(name) for site, output in files.items()}
            missing = [site for site, shard in kept.items() if shard is None]
            found = {}
            if missing:
                further = partial(_further, report, done - len(some), contexts.n_contexts)
                found = capture_sites(host, some, contexts.token_filter, missing, DTYPES[dtype], limits, further)
            settle()
            for site, shard in kept.items():
                if shard is not None:
                    shards[site] += shard
            writing |= {site: disk.submit(files[site].write, name, found[site]) for site in missing}
            report(done, contexts.n_contexts)
        settle()
    return {site: file.finish(shards[site], facts | {"width": host.width(site)}) for site, file in files.items()}


def _further(report: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    report(before + done, total)


def _ranges(contexts: TokenizedCorpus) -> Iterator[tuple[int, list[Context]]]:
    """Consecutive contexts that fill one shard, with the number of contexts up to their end."""
    length = int(contexts.manifest.facts["context_length"])
    per_shard, batch, done = max(1, SHARD_TOKENS // length), list[Context](), 0
    for context in contexts:
        batch.append(context)
        if len(batch) == per_shard:
            done += len(batch)
            yield done, batch
            batch = []
    if batch:
        yield done + len(batch), batch
