"""Where each feature of a dictionary fires, how often and how strongly: all features exactly, in three readings.

The first encodes the activations and writes the codes, shard by shard; with the maxima known, the second reads the
codes for histograms and samples, the third for the windows that were chosen. Memory grows with features times
examples, not with tokens. A run that was stopped goes on after the last shard whose codes it wrote.

Axes: T tokens, D width, F features.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from models.features.codes_parquet import StoredCodes
from models.features.config import StatisticsSettings
from models.features.example_windows import ExampleWindows, SelectedExamples
from models.features.firing_positions import FiringPositions
from models.features.firing_statistics import FiringStatistics
from models.features.statistics_readings import (
    EncodedShards,
    EncoderProtocol,
    SampledCodes,
    StatisticsInput,
    codes_with_text,
    encode_shards,
    sample_codes,
)
from models.language_model.token_strings import TokenStrings
from storage.folder import Folder
from storage.manifest import ManifestFile
from storage.table_schemas.feature import SCHEMA as FEATURE

Report = Callable[[str, int, int], None]


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
    n = inputs.n_shards
    found = encode_shards(inputs, settings, codes_folder, range(n), lambda done: report("encode", done, n))
    codes, max_F = StoredCodes(codes_folder, found.codes), found.firing.max_F
    shares_FK = found.positions.class_shares_FK()
    sampled = sample_codes(codes, inputs.corpus, settings, max_F, shares_FK, lambda done: report("sample", done, n))
    windows = windows_of(inputs, settings, found, sampled)
    for number, (fired, rows) in enumerate(codes_with_text(codes, inputs.corpus)):
        windows.fill(fired, rows)
        report("show", number + 1, n)
    return feature_tables(inputs, found, sampled, windows)


def windows_of(
    inputs: StatisticsInput, settings: StatisticsSettings, found: EncodedShards, sampled: SampledCodes
) -> ExampleWindows:
    """The windows that are to be shown, yet to be filled in."""
    kept = {"top": found.top, "interval": sampled.intervals, "control": sampled.controls}
    chosen = SelectedExamples.of(kept, settings.intervals)
    known, (shown, _) = inputs.tokenizer, inputs.corpus.window_widths(settings.window_tokens)
    strings = known if isinstance(known, TokenStrings) else TokenStrings.of(known)
    return ExampleWindows.around(chosen, strings, shown)


def feature_tables(
    inputs: StatisticsInput, found: EncodedShards, sampled: SampledCodes, windows: ExampleWindows
) -> FeatureTables:
    """The tables of what three readings found."""
    return FeatureTables(
        feature_rows(inputs.sae, found.firing, found.positions),
        sampled.histogram.rows(found.firing.max_F),
        windows.rows(inputs.model_id, inputs.recipe_id),
        found.codes,
        found.firing,
    )


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
