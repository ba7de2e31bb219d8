"""A harvest that processes share: a unit is one shard of every site, and whoever makes it leaves a record beside it.

A record says what a manifest must know of a shard: its rows, bytes and sha256, and the profile of its rows. The end is
then reading records in order of shards, without model and without a shard: what comes out is, to the last bit, what
`models.activations.harvest` makes alone. A unit made twice, by a slow process and by one that took it over, is the same
file twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import torch

from models.activations.activation_profile import ActivationProfile
from models.activations.harvest import contexts_per_shard, no_rows_of, shard_name
from models.activations.norm_reference import MaxNorm, NormReference, norm_references
from models.activations.site_reading import HookedModelProtocol, capture_sites
from models.activations.site_shards import SiteWriter, WrittenShards
from models.corpora.contexts import TokenizedCorpus
from models.dtypes import DTYPES
from models.language_model.sites import Site
from models.numerics.array_file import read_arrays, write_arrays
from storage.folder import Folder
from storage.manifest import Manifest, ManifestFile, sha256_of

Outputs = Mapping[Site, tuple[Folder, dict[str, Any]]]
REFERENCE = "reference.safetensors"
_COUNTED = [each.name for each in fields(ActivationProfile) if each.name not in ("buckets", "n_non_finite")]


@dataclass(frozen=True)
class SharedHarvest:
    """What every process of a harvest knows without the model: its units, and which of them are made."""

    contexts: TokenizedCorpus
    outputs: Outputs
    records: Folder
    """Of this harvest alone: its name is made of the identities."""
    dtype: str

    @property
    def n_units(self) -> int:
        return -(-self.contexts.n_contexts // contexts_per_shard(self.contexts))

    def contexts_of(self, unit: int) -> range:
        per_shard = contexts_per_shard(self.contexts)
        return range(unit * per_shard, min((unit + 1) * per_shard, self.contexts.n_contexts))

    def is_done(self, unit: int) -> bool:
        """Whether every site has the shard, and a record of it that was measured by the common reference."""
        return self._record(unit) is not None

    def _record(self, unit: int) -> "dict[Site, tuple[ManifestFile, dict[str, np.ndarray], dict[str, Any]]] | None":
        found = read_arrays(self.records, _record_name(unit))
        if found is None or (common := self.reference) is None:
            return None
        arrays, facts = found
        if facts["reference"] != common.sha256:
            return None
        record = {}
        for site, (folder, _) in self.outputs.items():
            own = facts["sites"].get(str(site))
            entry = ManifestFile.parse(own["entry"]) if own else None
            if own is None or entry is None or not entry.lies_in(folder):
                return None
            of_site = {name: arrays[f"{site}/{name}"] for name in _ARRAYS}
            record[site] = (entry, of_site, own)
        return record

    @property
    def reference(self) -> "CommonReference | None":
        """By which all shards are cut; None where nobody has measured it yet."""
        found = read_arrays(self.records, REFERENCE)
        return None if found is None else CommonReference.of(*found)

    def finish(self, facts: dict[str, Any]) -> dict[Site, Manifest]:
        """Writes the manifest of every site from the records.

        Raises:
            ValueError: If a shard or its record is not there.
        """
        common = self.reference
        assert common is not None, "there is no shard yet"
        no_rows = no_rows_of(self.contexts, common.vocab_size)
        shards = {site: WrittenShards((), no_rows, 0.0) for site in self.outputs}
        for unit in range(self.n_units):
            record = self._record(unit)
            if record is None:
                raise ValueError(f"shard {unit} of {self.n_units} is not there, or has no record: run again")
            for site, (entry, arrays, own) in record.items():
                profile = _profile(no_rows, arrays, own["n_non_finite"])
                shards[site] += WrittenShards((entry,), profile, own["rounding"])
        return {
            site: SiteWriter(*output, site, common.sites[site], self.dtype, no_rows).finish(
                shards[site], facts | {"width": common.widths[site]}
            )
            for site, output in self.outputs.items()
        }


@dataclass(frozen=True)
class CommonReference:
    """Median, centre and limit of every site, measured once for all processes."""

    sites: dict[Site, NormReference]
    widths: dict[Site, int]
    vocab_size: int
    sha256: str

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> "CommonReference":
        centres = {Site.parse(name): torch.from_numpy(centre_D.copy()) for name, centre_D in arrays.items()}
        said = facts["sites"]
        references = {
            site: NormReference(said[str(site)]["median"], centre_D, said[str(site)]["norm_limit"])
            for site, centre_D in centres.items()
        }
        digest = sha256_of(dict(facts) | {name: centre_D.tolist() for name, centre_D in arrays.items()})
        widths = {site: said[str(site)]["width"] for site in centres}
        return cls(references, widths, facts["vocab_size"], digest)


@dataclass(frozen=True)
class HarvestingProcess:
    """One process of a harvest, with the model: it makes units."""

    shared: SharedHarvest
    host: HookedModelProtocol
    max_norm: MaxNorm

    @property
    def n_units(self) -> int:
        return self.shared.n_units

    def is_done(self, unit: int) -> bool:
        return self.shared.is_done(unit)

    @cached_property
    def reference(self) -> CommonReference:
        """The first process to measure it tells the others; where two measured at once, one of them is believed, and
        shards that were cut by the other are made again."""
        shared = self.shared
        if shared.reference is None:
            sites = list(shared.outputs)
            found = norm_references(self.host, shared.contexts, sites, self.max_norm)
            said = {
                str(site): {"median": one.median, "norm_limit": one.norm_limit, "width": self.host.width(site)}
                for site, one in found.items()
            }
            centres = {str(site): one.centre_D.numpy() for site, one in found.items()}
            facts = {"sites": said, "vocab_size": self.host.vocab_size}
            write_arrays(shared.records, REFERENCE, centres, facts)
        common = shared.reference
        assert common is not None
        return common

    @cached_property
    def _writers(self) -> dict[Site, SiteWriter]:
        shared, common = self.shared, self.reference
        no_rows = no_rows_of(shared.contexts, common.vocab_size)
        return {
            site: SiteWriter(*output, site, common.sites[site], shared.dtype, no_rows)
            for site, output in shared.outputs.items()
        }

    def do(self, unit: int, report: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Makes one shard of every site, and its record.

        Args:
            report: Told of the unit's contexts that are done, and their number.
        """
        shared, name, among = self.shared, shard_name(unit), self.shared.contexts_of(unit)
        written = {site: writer.kept(name) for site, writer in self._writers.items()}
        missing = [site for site, shard in written.items() if shard is None]
        if missing:
            limits = {site: writer.reference.norm_limit for site, writer in self._writers.items()}
            some, text = shared.contexts.rows(among), shared.contexts.token_filter
            made = capture_sites(
                self.host, some, text, missing, DTYPES[shared.dtype], limits, lambda done: report(done, len(some))
            )
            written |= {site: self._writers[site].write(name, made[site]) for site in missing}
        _write_record(shared.records, unit, {site: shard for site, shard in written.items() if shard}, self.reference)


_ARRAYS = [
    *(name for name in _COUNTED if name not in ("n_V", "squares_V")),
    "seen",
    "n_seen",
    "squares_seen",
]
"""Of one site; what is counted by token is kept of the tokens that were seen."""


def _write_record(records: Folder, unit: int, written: Mapping[Site, WrittenShards], common: CommonReference) -> None:
    arrays: dict[str, np.ndarray] = {}
    sites: dict[str, Any] = {}
    for site, shard in written.items():
        profile, [entry] = shard.profile, shard.entries
        seen = np.flatnonzero(profile.n_V)
        counted = {name: getattr(profile, name) for name in _COUNTED if name not in ("n_V", "squares_V")}
        counted |= {"seen": seen, "n_seen": profile.n_V[seen], "squares_seen": profile.squares_V[seen]}
        arrays |= {f"{site}/{name}": array for name, array in counted.items()}
        sites[str(site)] = {
            "entry": asdict(entry),
            "rounding": shard.rounding,
            "n_non_finite": profile.n_non_finite,
        }
    write_arrays(records, _record_name(unit), arrays, {"sites": sites, "reference": common.sha256})


def _profile(no_rows: ActivationProfile, arrays: Mapping[str, np.ndarray], n_non_finite: int) -> ActivationProfile:
    n_V, squares_V = np.zeros_like(no_rows.n_V), np.zeros_like(no_rows.squares_V)
    n_V[arrays["seen"]], squares_V[arrays["seen"]] = arrays["n_seen"], arrays["squares_seen"]
    by_name = {name: arrays[name] for name in _COUNTED if name in arrays} | {"n_V": n_V, "squares_V": squares_V}
    return ActivationProfile(no_rows.buckets, **by_name, n_non_finite=n_non_finite)


def _record_name(unit: int) -> str:
    return f"shard-{unit:05d}.safetensors"
