"""The three readings that statistics take, each over all shards or over a run of them, with values that add up.

The first encodes activations and writes codes; with the maxima known, the second reads codes for histograms and
samples; the third, for the windows that were chosen, stands in `example_windows`.

Axes: F features, K position classes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor

from models.activations.position_buckets import PositionBuckets
from models.activations.shards import ActivationShards
from models.corpora.contexts import TokenizedCorpus
from models.corpora.token_rows import TokenRows
from models.features.activation_histogram import ActivationHistogram
from models.features.codes_parquet import StoredCodes, part_name, write_codes, write_part
from models.features.config import StatisticsSettings
from models.features.control_windows import ControlWindows
from models.features.firing_positions import FiringPositions
from models.features.firing_statistics import FiringStatistics
from models.features.firings import Firings
from models.features.interval_sample import IntervalSample
from models.features.top_activations import TopActivations
from models.freed_memory import return_freed_memory
from models.numerics.look_ahead import look_ahead
from models.numerics.pairwise_sum import PairwiseSum
from models.sparse.codes import SparseCodes
from storage.folder import Folder
from storage.manifest import ManifestFile

ENCODED_TOGETHER = 8192
RETURNED_EVERY = 2
"""Shards after which freed memory goes back. Of the pieces that are left of one shard fewer fit the next: 1.15 GB after
153 shards where .95 are held so, and .88 if it were after each, which takes a tenth of the time."""
Tell = Callable[[int], None]
T = TypeVar("T")


class EncoderProtocol(Protocol):
    """The part of a dictionary that statistics use."""

    n_features: int

    def encode(self, x_TD: Tensor) -> SparseCodes: ...
    @property
    def W_enc(self) -> Tensor: ...
    @property
    def W_dec(self) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class StatisticsInput:
    """What statistics are taken of."""

    sae: EncoderProtocol
    shards: ActivationShards
    """Activations at the dictionary's site."""
    corpus: TokenizedCorpus
    """That they were harvested from."""
    tokenizer: Any
    """The model's, for the text of the examples; or that text by token id."""
    model_id: str
    """Goes into the examples' ids, as does the recipe's."""
    recipe_id: str
    identity_sha256: str
    """Names what the codes are made from."""

    @property
    def n_shards(self) -> int:
        return len(self.shards.manifest.files)


@dataclass(frozen=True, slots=True)
class EncodedShards:
    """What fires in a run of shards: counts, the strongest firings and their positions, and the files of codes.

    The sums of `firing` are in pairs of shards: runs of shards that are subtrees add up to the same bits.
    """

    firing: FiringStatistics
    top: TopActivations
    positions: FiringPositions
    codes: tuple[ManifestFile, ...]

    def __add__(self, later: Self) -> Self:
        return type(self)(
            self.firing + later.firing,
            self.top + later.top,
            self.positions + later.positions,
            self.codes + later.codes,
        )


@dataclass(frozen=True, slots=True)
class SampledCodes:
    """Histograms, a draw from each interval and silent windows, of a run of shards."""

    histogram: ActivationHistogram
    intervals: IntervalSample
    controls: ControlWindows

    @classmethod
    def zero(cls, n_features: int, settings: StatisticsSettings) -> Self:
        return cls(
            ActivationHistogram.zero(n_features, settings.histogram_bins),
            IntervalSample.zero(n_features, settings.intervals, settings.examples_per_interval),
            ControlWindows.zero(n_features, settings.control_examples),
        )

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.histogram + other.histogram, self.intervals + other.intervals, self.controls + other.controls
        )


def no_positions(corpus: TokenizedCorpus, n_features: int) -> FiringPositions:
    """Firings at no position of the corpus's contexts."""
    length, first = int(corpus.manifest.facts["context_length"]), corpus.token_filter.frame.first_read
    return FiringPositions.zero(PositionBuckets.of(length, first), n_features)


def encode_shards(
    inputs: StatisticsInput,
    settings: StatisticsSettings,
    codes_folder: Folder,
    numbers: Sequence[int],
    tell: Tell = lambda done: None,
) -> EncodedShards:
    """The first reading: encodes some shards, one at least, and writes their codes.

    Args:
        numbers: Of the shards, consecutive.
        tell: Called with the shards done.
    """
    n_features = inputs.sae.n_features
    firing, top = PairwiseSum[FiringStatistics](), TopActivations.zero(n_features, settings.top_examples)
    positions = no_firing = no_positions(inputs.corpus, n_features)
    entries: list[ManifestFile] = []
    stored = encode_and_store(inputs.sae, inputs.shards, codes_folder, inputs.identity_sha256, numbers)
    for fired, entry in stored:
        firing.add(FiringStatistics.of(fired))
        top += top.among(fired)
        positions += no_firing.of(fired)
        entries.append(entry)
        tell(len(entries))
    return EncodedShards(firing.total(), top, positions, tuple(entries))


def sample_codes(
    codes: StoredCodes,
    corpus: TokenizedCorpus,
    settings: StatisticsSettings,
    max_F: np.ndarray,
    shares_FK: np.ndarray,
    tell: Tell = lambda done: None,
) -> SampledCodes:
    """The second reading.

    Args:
        codes: Of some consecutive shards.
        max_F: The maxima over all shards.
        shares_FK: Share of each feature's firings in each class of positions, over all shards.
        tell: Called with the shards done.
    """
    found, (_, silent) = SampledCodes.zero(len(max_F), settings), corpus.window_widths(settings.window_tokens)
    for number, (fired, rows) in enumerate(codes_with_text(codes, corpus)):
        found = SampledCodes(
            found.histogram + ActivationHistogram.of(fired, max_F, settings.histogram_bins),
            found.intervals + found.intervals.among(fired, max_F),
            found.controls + found.controls.among(fired, rows, shares_FK, silent),
        )
        tell(number + 1)
    return found


def encoded(sae: EncoderProtocol, shards: ActivationShards, number: int) -> Firings:
    """What fires in one shard of activations."""
    shard = shards.shard(number)
    device = sae.W_dec.device
    with torch.no_grad():
        codes = [sae.encode(x_TD.to(device)) for x_TD in shard.x_TD.split(ENCODED_TOGETHER)]
    return Firings.of(codes, shard.context_T, shard.position_T)


def encode_and_store(
    sae: EncoderProtocol, shards: ActivationShards, folder: Folder, identity_sha256: str, numbers: Iterable[int]
) -> Iterator[tuple[Firings, ManifestFile]]:
    """What fires in each shard, and the file that says so; files of the same identity are read instead of made."""
    folder.sweep()

    def known() -> Iterator[tuple[str, Firings, ManifestFile | None]]:
        for number in numbers:
            name = part_name(number)
            kept = _kept(folder, name, identity_sha256)
            fired, entry = (encoded(sae, shards, number), None) if kept is None else kept
            yield name, fired, entry

    with closing(look_ahead(known())) as ahead:
        for name, fired, entry in _returning_memory(ahead):
            if entry is None:
                with folder.writing(name) as path:
                    write_part(path, fired, identity_sha256)
                    entry = ManifestFile.of(path, name, len(fired.acts_M))
            yield fired, entry


def _kept(folder: Folder, name: str, identity_sha256: str) -> tuple[Firings, ManifestFile] | None:
    if not folder.exists(name):
        return None
    with folder.reading(name) as path:
        metadata = pq.read_metadata(path).metadata or {}
        if metadata.get(b"identity_sha256", b"").decode() != identity_sha256:
            return None
        fired = write_codes(path)
        return fired, ManifestFile.of(path, name, len(fired.acts_M))


def codes_with_text(codes: StoredCodes, contexts: TokenizedCorpus) -> Iterator[tuple[Firings, TokenRows]]:
    def read() -> Iterator[tuple[Firings, TokenRows]]:
        for fired in codes:
            some = contexts.rows(range(fired.first_context, fired.last_context + 1))
            yield fired, TokenRows.of(some, contexts.token_filter)

    with closing(look_ahead(read())) as ahead:
        yield from _returning_memory(ahead)


def _returning_memory(shards: Iterator[T]) -> Iterator[T]:
    """The same shards; what was freed of some goes back to the system before the next."""
    for number, shard in enumerate(shards, 1):
        yield shard
        if number % RETURNED_EVERY == 0:
            return_freed_memory()
