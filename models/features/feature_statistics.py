"""Where each feature of a dictionary fires, how often and how strongly: all features exactly, in three readings.

The first encodes the activations and writes the codes, shard by shard; with the maxima known, the second reads the
codes for histograms and samples, the third for the windows that were chosen. Memory grows with features times
examples, not with tokens. A run that was stopped goes on after the last shard whose codes it wrote.

Axes: T tokens, D width, F features.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
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
from models.features.example_windows import ExampleWindows, SelectedExamples
from models.features.firing_positions import FiringPositions
from models.features.firing_statistics import FiringStatistics
from models.features.firings import Firings
from models.features.interval_sample import IntervalSample
from models.features.top_activations import TopActivations
from models.language_model.token_strings import TokenStrings
from models.sparse.codes import SparseCodes
from storage.folder import Folder
from storage.manifest import ManifestFile
from storage.table_schemas.feature import SCHEMA as FEATURE

ENCODED_TOGETHER = 8192
Report = Callable[[str, int, int], None]


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
    """The model's, for the text of the examples."""
    model_id: str
    """Goes into the examples' ids, as does the recipe's."""
    recipe_id: str
    identity_sha256: str
    """Names what the codes are made from."""


@dataclass(frozen=True, slots=True)
class FeatureTables:
    """Tables `feature`, `activation_histogram` and `example` of one dictionary, and the codes that were written."""

    feature: pa.Table
    histogram: pa.Table
    example: pa.Table
    codes: tuple[ManifestFile, ...]
    firing: FiringStatistics


def compute_feature_statistics(
    inputs: StatisticsInput,
    settings: StatisticsSettings,
    codes_folder: Folder,
    report: Report = lambda step, done, total: None,
) -> FeatureTables:
    """Counts, histograms and examples of every feature over all stored tokens.

    Args:
        inputs: What they are taken of.
        settings: How much is kept.
        codes_folder: Where the codes are written; parts of the same identity that lie there are not made again.
        report: Called with the name of the reading, the shards done and their number.

    Returns:
        Tables without their partition's keys. The codes' manifest is left to the caller; if they are not to be kept, so
        is their removal.
    """
    sae, shards, corpus = inputs.sae, inputs.shards, inputs.corpus
    n_features, n_shards = sae.n_features, len(shards.manifest.files)
    intervals = IntervalSample.zero(n_features, settings.intervals, settings.examples_per_interval)
    firing, top = FiringStatistics.zero(n_features), TopActivations.zero(n_features, settings.top_examples)
    length, first = int(corpus.manifest.facts["context_length"]), corpus.token_filter.frame.first_read
    positions = no_firing = FiringPositions.zero(PositionBuckets.of(length, first), n_features)
    entries: list[ManifestFile] = []
    for fired, entry in encode_and_store(sae, shards, codes_folder, inputs.identity_sha256):
        firing += FiringStatistics.of(fired)
        top += top.among(fired)
        positions += no_firing.of(fired)
        entries.append(entry)
        report("encode", len(entries), n_shards)

    codes, max_F, shares_FK = StoredCodes(codes_folder, entries), firing.max_F, positions.class_shares_FK()
    histogram = ActivationHistogram.zero(n_features, settings.histogram_bins)
    controls = ControlWindows.zero(n_features, settings.control_examples)
    for number, (fired, rows) in enumerate(_with_text(codes, corpus)):
        histogram += ActivationHistogram.of(fired, max_F, settings.histogram_bins)
        intervals += intervals.among(fired, max_F)
        controls += controls.among(fired, rows, shares_FK, settings.window_tokens)
        report("sample", number + 1, n_shards)

    chosen = SelectedExamples.of({"top": top, "interval": intervals, "control": controls}, settings.intervals)
    windows = ExampleWindows.around(chosen, TokenStrings.of(inputs.tokenizer), settings.window_tokens)
    for number, (fired, rows) in enumerate(_with_text(codes, corpus)):
        windows.fill(fired, rows)
        report("show", number + 1, n_shards)
    return FeatureTables(
        feature_rows(sae, firing, positions),
        histogram.rows(max_F),
        windows.rows(inputs.model_id, inputs.recipe_id),
        tuple(entries),
        firing,
    )


def encoded(sae: EncoderProtocol, shards: ActivationShards, number: int) -> Firings:
    """What fires in one shard of activations."""
    shard = shards.shard(number)
    device = sae.W_dec.device
    with torch.no_grad():
        codes = [sae.encode(x_TD.to(device)) for x_TD in shard.x_TD.split(ENCODED_TOGETHER)]
    return Firings.of(codes, shard.context_T, shard.position_T)


def encode_and_store(
    sae: EncoderProtocol, shards: ActivationShards, folder: Folder, identity_sha256: str
) -> Iterator[tuple[Firings, ManifestFile]]:
    """What fires in each shard, and the file that says so; files of the same identity are read instead of made."""
    folder.sweep()
    for number in range(len(shards.manifest.files)):
        name = part_name(number)
        if (kept := _kept(folder, name, identity_sha256)) is not None:
            yield kept
            continue
        fired = encoded(sae, shards, number)
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


def _with_text(codes: StoredCodes, contexts: TokenizedCorpus) -> Iterator[tuple[Firings, TokenRows]]:
    for fired in codes:
        some = contexts.rows(range(fired.first_context, fired.last_context + 1))
        yield fired, TokenRows.of(some, contexts.token_filter)


def feature_rows(sae: EncoderProtocol, firing: FiringStatistics, positions: FiringPositions) -> pa.Table:
    """Grain: a feature. The shape of its effect on the logits is null: `logit_shape` is joined in at publishing."""
    with torch.no_grad():
        W_dec = sae.W_dec.double().cpu()
        cosine_F = _cosine(sae.W_enc.T.double().cpu(), W_dec)
        norm_F = W_dec.norm(dim=1)
    unknown, (top_position_F, top_share_F) = pa.nulls(sae.n_features, pa.float64()), positions.top()
    return pa.Table.from_pydict(
        {
            "feature_id": np.arange(sae.n_features, dtype=np.int32),
            "n_firings": firing.n_F,
            "n_tokens": np.full(sae.n_features, firing.n_tokens),
            "density": firing.density_F,
            "mean_activation": pa.array(firing.mean_F, mask=firing.is_dead_F),
            "std_activation": pa.array(firing.std_F, mask=firing.is_dead_F),
            "max_activation": pa.array(firing.max_F, mask=firing.is_dead_F),
            "is_dead": firing.is_dead_F,
            "top_position": pa.array(top_position_F, pa.int64(), mask=firing.is_dead_F),
            "top_position_share": pa.array(top_share_F, mask=firing.is_dead_F),
            "start_share": pa.array(positions.start_share_F(), mask=firing.is_dead_F),
            "decoder_norm": norm_F.numpy(),
            "encoder_decoder_cosine": unknown if cosine_F is None else pa.array(cosine_F.numpy(), from_pandas=True),
            "logit_skew": unknown,
            "logit_kurtosis": unknown,
        },
        schema=FEATURE,
    )


def _cosine(a_FD: Tensor, b_FD: Tensor) -> Tensor | None:
    """Row by row; None where the two live in spaces of different width, NaN where a row is zero."""
    if a_FD.shape != b_FD.shape:
        return None
    return (a_FD * b_FD).sum(dim=1) / (a_FD.norm(dim=1) * b_FD.norm(dim=1))
