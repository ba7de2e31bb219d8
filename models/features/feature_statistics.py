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

from models.activations.activation_profile import PositionBuckets
from models.activations.shards import Shards
from models.corpora.contexts import Contexts
from models.corpora.token_rows import Rows
from models.features.activation_histogram import Histogram
from models.features.codes_parquet import CodesTable, part_name, read_part, write_part
from models.features.config import StatisticsSettings
from models.features.control_windows import Controls
from models.features.example_windows import Chosen, Windows
from models.features.firing_positions import FiringPositions
from models.features.firing_statistics import Firing
from models.features.firings import Fired
from models.features.interval_sample import Intervals
from models.features.top_activations import Top
from models.language_model.token_strings import Pieces
from models.sparse.codes import Codes
from storage.folder import Folder
from storage.manifest import FileEntry

ENCODED_TOGETHER = 8192
Report = Callable[[str, int, int], None]


class Reader(Protocol):
    """The part of a dictionary that statistics use."""

    n_features: int

    def encode(self, x_TD: Tensor) -> Codes: ...
    @property
    def W_enc(self) -> Tensor: ...
    @property
    def W_dec(self) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Statistics:
    """Tables `feature`, `activation_histogram` and `example` of one dictionary, and the codes that were written."""

    feature: pa.Table
    histogram: pa.Table
    example: pa.Table
    codes: tuple[FileEntry, ...]
    firing: Firing


def measure(
    sae: Reader,
    shards: Shards,
    contexts: Contexts,
    settings: StatisticsSettings,
    codes_folder: Folder,
    *,
    tokenizer: Any,
    model_id: str,
    recipe_id: str,
    identity_sha256: str,
    report: Report = lambda step, done, total: None,
) -> Statistics:
    """Counts, histograms and examples of every feature over all stored tokens.

    Args:
        sae: The dictionary.
        shards: Activations at its site.
        contexts: The corpus that they were harvested from.
        settings: How much is kept.
        codes_folder: Where the codes are written; parts of the same identity that lie there are not made again.
        tokenizer: The model's, for the text of the examples.
        model_id: Goes into the examples' ids.
        recipe_id: Likewise.
        identity_sha256: Names what the codes are made from.
        report: Called with the name of the reading, the shards done and their number.

    Returns:
        Tables without their partition's keys. The codes' manifest is left to the caller; if they are not to be kept, so
        is their removal.
    """
    firing, top = Firing.zero(sae.n_features), Top.zero(sae.n_features, settings.top)
    length, first = int(contexts.manifest.identity["context_length"]), contexts.token_filter.frame.first_read
    positions = no_firing = FiringPositions.zero(PositionBuckets.of(length, first), sae.n_features)
    entries: list[FileEntry] = []
    n_shards = len(shards.manifest.files)
    for fired, entry in written_codes(sae, shards, codes_folder, identity_sha256):
        firing += Firing.of(fired)
        top += top.among(fired)
        positions += no_firing.of(fired)
        entries.append(entry)
        report("encode", len(entries), n_shards)

    codes, max_F, shares_FK = CodesTable(codes_folder, entries), firing.max_F, positions.class_shares_FK()
    histogram = Histogram.zero(sae.n_features, settings.bins)
    intervals = Intervals.zero(sae.n_features, settings.intervals, settings.per_interval)
    controls = Controls.zero(sae.n_features, settings.controls)
    for number, (fired, rows) in enumerate(_with_text(codes, contexts)):
        histogram += Histogram.of(fired, max_F, settings.bins)
        intervals += intervals.among(fired, max_F)
        controls += controls.among(fired, rows, shares_FK, settings.window)
        report("sample", number + 1, n_shards)

    chosen = Chosen.of({"top": top, "interval": intervals, "random": controls}, settings.intervals)
    windows = Windows.around(chosen, Pieces.of(tokenizer), settings.window)
    for number, (fired, rows) in enumerate(_with_text(codes, contexts)):
        windows.fill(fired, rows)
        report("show", number + 1, n_shards)
    return Statistics(
        feature_rows(sae, firing, positions),
        histogram.rows(max_F),
        windows.rows(model_id, recipe_id),
        tuple(entries),
        firing,
    )


def encoded(sae: Reader, shards: Shards, number: int) -> Fired:
    """What fires in one shard of activations."""
    shard = shards.shard(number)
    device = sae.W_dec.device
    with torch.no_grad():
        codes = [sae.encode(x_TD.to(device)) for x_TD in shard.x_TD.split(ENCODED_TOGETHER)]
    return Fired.of(codes, shard.context_T, shard.position_T)


def written_codes(
    sae: Reader, shards: Shards, folder: Folder, identity_sha256: str
) -> Iterator[tuple[Fired, FileEntry]]:
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
            entry = FileEntry.of(path, name, len(fired.acts_M))
        yield fired, entry


def _kept(folder: Folder, name: str, identity_sha256: str) -> tuple[Fired, FileEntry] | None:
    if not folder.exists(name):
        return None
    with folder.reading(name) as path:
        metadata = pq.read_metadata(path).metadata or {}
        if metadata.get(b"identity_sha256", b"").decode() != identity_sha256:
            return None
        fired = read_part(path)
        return fired, FileEntry.of(path, name, len(fired.acts_M))


def _with_text(codes: CodesTable, contexts: Contexts) -> Iterator[tuple[Fired, Rows]]:
    for fired in codes:
        some = contexts.rows(range(fired.first_context, fired.last_context + 1))
        yield fired, Rows.of(some, contexts.token_filter)


def feature_rows(sae: Reader, firing: Firing, positions: FiringPositions) -> pa.Table:
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
        }
    )


def _cosine(a_FD: Tensor, b_FD: Tensor) -> Tensor | None:
    """Row by row; None where the two live in spaces of different width, NaN where a row is zero."""
    if a_FD.shape != b_FD.shape:
        return None
    return (a_FD * b_FD).sum(dim=1) / (a_FD.norm(dim=1) * b_FD.norm(dim=1))
