"""Stores a model's activations at all wanted sites, read in one pass over a corpus, as Parquet shards.

The forward pass does not wait for the disk: a shard is handed to a writer thread, at most one ahead, and none where
those of all sites take more than `WRITE_AHEAD_BYTES`. A harvest that was stopped continues after the last shard that
every site has; what it then holds is what an uninterrupted one holds.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from models.activations.activation_profile import ActivationProfile
from models.activations.norm_reference import MaxNorm, norm_references
from models.activations.position_buckets import PositionBuckets
from models.activations.site_reading import HookedModelProtocol, capture_sites
from models.activations.site_shards import SiteWriter, WrittenShards
from models.corpora.contexts import Context, TokenizedCorpus
from models.dtypes import DTYPES
from models.language_model.sites import Site
from storage.folder import Folder
from storage.manifest import Manifest

SHARD_TOKENS = 65_536
WRITE_AHEAD_BYTES = 2**31
"""Shards of all sites together above which nothing is computed while they are written: two of them at once would be the
most that a harvest holds."""
ROW_BYTES = 16
"""Of a stored row, beside its vector: context, position and token."""


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
    references, no_rows = (
        norm_references(host, contexts, list(outputs), max_norm),
        no_rows_of(contexts, host.vocab_size),
    )
    files = {site: SiteWriter(*output, site, references[site], dtype, no_rows) for site, output in outputs.items()}
    limits = {site: file.reference.norm_limit for site, file in files.items()}
    waits = shard_bytes(host, list(outputs), dtype) > WRITE_AHEAD_BYTES
    for output in files.values():
        output.folder.sweep()
    shards = {site: WrittenShards((), no_rows, 0.0) for site in files}
    writing: dict[Site, Future[WrittenShards]] = {}

    def settle() -> None:
        for site, written in writing.items():
            shards[site] += written.result()
        writing.clear()

    with ThreadPoolExecutor(max_workers=len(files)) as disk:
        for number, (done, some) in enumerate(_ranges(contexts)):
            name = shard_name(number)
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
            if waits:
                found = {}
                settle()
            report(done, contexts.n_contexts)
        settle()
    return {site: file.finish(shards[site], facts | {"width": host.width(site)}) for site, file in files.items()}


def shard_bytes(host: HookedModelProtocol, sites: Sequence[Site], dtype: str) -> int:
    """Bytes of a whole shard of each of some sites."""
    return SHARD_TOKENS * _row_bytes(host, sites, dtype)


def harvest_bytes(host: HookedModelProtocol, contexts: TokenizedCorpus, sites: Sequence[Site], dtype: str) -> int:
    """Bytes on the disk of the activations of some sites, outliers counted in."""
    facts = contexts.manifest.facts
    return (facts["n_tokens"] - facts["n_skipped"]) * _row_bytes(host, sites, dtype)


def _row_bytes(host: HookedModelProtocol, sites: Sequence[Site], dtype: str) -> int:
    return sum(host.width(site) * DTYPES[dtype].itemsize + ROW_BYTES for site in sites)


def _further(report: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    report(before + done, total)


def shard_name(number: int) -> str:
    return f"shard-{number:05d}.parquet"


def contexts_per_shard(contexts: TokenizedCorpus) -> int:
    """Contexts of every shard; the last may have fewer."""
    return max(1, SHARD_TOKENS // int(contexts.manifest.facts["context_length"]))


def no_rows_of(contexts: TokenizedCorpus, vocab_size: int) -> ActivationProfile:
    """The profile of no rows, in the buckets of the corpus's contexts."""
    length, first = int(contexts.manifest.facts["context_length"]), contexts.token_filter.frame.first_read
    return ActivationProfile.zero(PositionBuckets.of(length, first), vocab_size)


def _ranges(contexts: TokenizedCorpus) -> Iterator[tuple[int, list[Context]]]:
    """Consecutive contexts that fill one shard, with the number of contexts up to their end."""
    per_shard, batch, done = contexts_per_shard(contexts), list[Context](), 0
    for context in contexts:
        batch.append(context)
        if len(batch) == per_shard:
            done += len(batch)
            yield done, batch
            batch = []
    if batch:
        yield done + len(batch), batch
