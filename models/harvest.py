"""Reads a model's activations at all wanted sites in one pass over a corpus and stores them as Parquet shards.

The forward pass does not wait for the disk: a shard is handed to a writer thread, at most one ahead. A harvest that
was stopped continues after the last shard that every site has; what it then holds is what an uninterrupted one holds.

Axes: B contexts of a batch, P positions, T tokens, D width of the site.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor

from models.contexts import Context, Contexts
from models.folder import Folder
from models.manifest import FileEntry, Manifest, sha256_of
from models.shards import DTYPES, Batch, write_shard
from models.sites import Site

SHARD_TOKENS = 65_536
BATCH_TOKENS = 4_096


class NonFiniteActivations(ValueError):
    """The model produced NaN or Inf. Harvest in a wider dtype or repair the weights."""


class Reader(Protocol):
    """The part of the host adapter that a harvest uses."""

    @property
    def device(self) -> torch.device: ...
    def width(self, site: Site) -> int: ...
    def reading(self, sites: Sequence[Site], stop: bool = True) -> Any: ...
    def run(self, token_ids_BP: Tensor, attention_mask: Tensor | None = None) -> Any: ...


@dataclass(frozen=True, slots=True)
class Padded:
    """Contexts of one shard that go through the model together, filled up to the longest."""

    token_ids_BP: Tensor
    mask_BP: Tensor
    content_BP: Tensor
    rows_T: Tensor
    """For every content token, row by row, its place among the shard's rows."""


def padded_batches(contexts: Sequence[Context], special_ids: set[int], batch_tokens: int) -> Iterator[Padded]:
    """Batches of contexts of like length, the longest first: little padding, and the first batch needs the most
    memory."""
    special = np.array(sorted(special_ids), dtype=np.int32)
    content = [~np.isin(context.token_ids, special) for context in contexts]
    ends = np.cumsum([int(c.sum()) for c in content])
    order = sorted(range(len(contexts)), key=lambda i: (-len(contexts[i].token_ids), i))
    while order:
        longest = len(contexts[order[0]].token_ids)
        n = max(1, batch_tokens // longest)
        some, order = order[:n], order[n:]
        token_ids = np.zeros((len(some), longest), dtype=np.int64)
        mask, wanted = np.zeros_like(token_ids, dtype=bool), np.zeros_like(token_ids, dtype=bool)
        for row, i in enumerate(some):
            length = len(contexts[i].token_ids)
            token_ids[row, :length], mask[row, :length], wanted[row, :length] = contexts[i].token_ids, True, content[i]
        rows = np.concatenate([np.arange(ends[i] - content[i].sum(), ends[i]) for i in some])
        yield Padded(*(torch.from_numpy(a) for a in (token_ids, mask, wanted, rows)))


def _index(contexts: Sequence[Context], special_ids: set[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Context, position and token id of every content token, in stored order."""
    lengths = [len(context.token_ids) for context in contexts]
    tokens = np.concatenate([context.token_ids for context in contexts]).astype(np.int64)
    ids = np.repeat([context.context_id for context in contexts], lengths)
    positions = np.concatenate([np.arange(length) for length in lengths])
    kept = ~np.isin(tokens, sorted(special_ids))
    return torch.from_numpy(ids[kept]), torch.from_numpy(positions[kept]), torch.from_numpy(tokens[kept])


def read_sites(
    host: Reader, contexts: Sequence[Context], special_ids: set[int], sites: Sequence[Site], dtype: torch.dtype
) -> dict[Site, Batch]:
    """Activations of the contexts' content tokens at each site, in stored order and dtype.

    Raises:
        NonFiniteActivations: Naming site, context and position of the first NaN or Inf.
    """
    where = _index(contexts, special_ids)
    stored = {site: torch.empty(len(where[0]), host.width(site), dtype=dtype) for site in sites}
    for padded in padded_batches(contexts, special_ids, BATCH_TOKENS):
        mask_BP = None if padded.mask_BP.all() else padded.mask_BP.to(host.device)
        with host.reading(sites) as found:
            host.run(padded.token_ids_BP.to(host.device), mask_BP)
        content_BP = padded.content_BP.to(host.device)
        for site in sites:
            stored[site].index_copy_(0, padded.rows_T, found[site][content_BP].to("cpu", dtype))
    for site, x_TD in stored.items():
        _refuse_non_finite(site, x_TD, *where[:2])
    return {site: Batch(x_TD, *where) for site, x_TD in stored.items()}


def _refuse_non_finite(site: Site, x_TD: Tensor, context_T: Tensor, position_T: Tensor) -> None:
    if torch.isfinite(x_TD.sum(dim=0, dtype=torch.float32)).all():
        return
    bad_T = (~torch.isfinite(x_TD)).any(dim=1)
    if not bad_T.any():
        return
    first = int(bad_T.nonzero()[0])
    raise NonFiniteActivations(
        f"{site} holds NaN or Inf at {int(bad_T.sum()):,} of {len(bad_T):,} tokens, first at context "
        f"{int(context_T[first])}, position "
        f"{int(position_T[first])} (stored as {x_TD.dtype}): nothing of this shard was kept. Set `dtype: float32` in "
        "the model card or check "
        "the weights"
    )


@dataclass(frozen=True, slots=True)
class _Output:
    """Where one site's shards go, and which are there already."""

    folder: Folder
    identity: dict[str, Any]
    metadata: dict[str, str]

    @classmethod
    def at(cls, site: Site, folder: Folder, identity: dict[str, Any]) -> "_Output":
        return cls(folder, identity, {"identity_sha256": sha256_of(identity), "site": str(site)})

    def kept(self, name: str) -> FileEntry | None:
        """What an earlier, stopped harvest of the same identity left of this shard; another identity's is deleted."""
        if not self.folder.exists(name):
            return None
        with self.folder.reading(name) as path:
            metadata = pq.read_metadata(path)
            if (metadata.metadata or {}).get(b"identity_sha256", b"").decode() == self.metadata["identity_sha256"]:
                return FileEntry.of(path, name, metadata.num_rows)
        self.folder.remove(name)
        return None

    def write(self, name: str, batch: Batch) -> FileEntry:
        with self.folder.writing(name) as path:
            write_shard(path, batch, self.metadata)
            return FileEntry.of(path, name, len(batch.token_T))


def harvest(
    host: Reader,
    contexts: Contexts,
    outputs: dict[Site, tuple[Folder, dict[str, Any]]],
    facts: dict[str, Any],
    report: Callable[[int, int], None] = lambda done, total: None,
) -> dict[Site, Manifest]:
    """Stores the activations of a whole corpus at each site; continues where an earlier call was stopped.

    Args:
        host: The model.
        contexts: The corpus.
        outputs: Folder and identity of every wanted site; `identity["dtype"]` is what is stored.
        facts: What every manifest says beside its identity, such as where the corpus lies.
        report: Called after every shard with the contexts done and their number.

    Returns:
        The manifest of every site.
    """
    files = {site: _Output.at(site, folder, identity) for site, (folder, identity) in outputs.items()}
    dtype = DTYPES[next(iter(files.values())).identity["dtype"]]
    for output in files.values():
        output.folder.sweep()
    entries: dict[Site, list[FileEntry]] = {site: [] for site in files}
    writing: dict[Site, Future[FileEntry]] = {}

    def settle() -> None:
        for site, written in writing.items():
            entries[site].append(written.result())
        writing.clear()

    with ThreadPoolExecutor(max_workers=len(files)) as disk:
        for number, (done, some) in enumerate(_ranges(contexts)):
            name = f"shard-{number:05d}.parquet"
            kept = {site: output.kept(name) for site, output in files.items()}
            missing = [site for site, entry in kept.items() if entry is None]
            found = read_sites(host, some, contexts.special_ids, missing, dtype) if missing else {}
            settle()
            for site, entry in kept.items():
                if entry is not None:
                    entries[site].append(entry)
            writing |= {site: disk.submit(files[site].write, name, found[site]) for site in missing}
            report(done, contexts.n_contexts)
        settle()
    manifests = {
        site: Manifest(output.identity, tuple(entries[site]), facts | {"width": host.width(site), "site": str(site)})
        for site, output in files.items()
    }
    for site, manifest in manifests.items():
        manifest.write(files[site].folder)
    return manifests


def _ranges(contexts: Contexts) -> Iterator[tuple[int, list[Context]]]:
    """Consecutive contexts that fill one shard, with the number of contexts up to their end."""
    length = int(contexts.manifest.identity["context_length"])
    per_shard, held, done = max(1, SHARD_TOKENS // length), list[Context](), 0
    for context in contexts:
        held.append(context)
        if len(held) == per_shard:
            done += len(held)
            yield done, held
            held = []
    if held:
        yield done + len(held), held
