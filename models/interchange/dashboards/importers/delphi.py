"""What delphi leaves of a run: every activation in latents/<hookpoint>/{start}_{end}.safetensors, labels and scores.

Counted here from the activations themselves, one split in memory at a time: firings, moments, histogram and examples,
as of a dictionary that was measured in this house. Known of delphi: activations are rounded to float16; a label that
its parser missed is stored as the sentence "Explanation could not be parsed.", which is a failure and no label; an
answer that failed is a prediction of null, which its own count of failures misses; and of the examples that its scores
are made from, a fifth to two fifths are examples that the explainer had seen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from safetensors import SafetensorError, safe_open

from models.activations.position_buckets import PositionBuckets
from models.corpora.contexts import Context
from models.corpora.token_filter import TokenFilter
from models.corpora.token_rows import TokenRows
from models.features.activation_histogram import ActivationHistogram
from models.features.config import StatisticsSettings
from models.features.control_windows import ControlWindows
from models.features.example_windows import ExampleWindows, SelectedExamples
from models.features.firing_positions import FiringPositions
from models.features.firing_statistics import FiringStatistics
from models.features.firings import Firings
from models.features.interval_sample import IntervalSample
from models.features.top_activations import TopActivations
from models.interchange.dashboards.checked_record import CheckedRecord, parsed
from models.interchange.dashboards.delphi.labels import explanation_rows, score_rows
from models.interchange.dashboards.dump import BadDump, DumpInfo, FeatureDump, Part, table
from models.interchange.dashboards.importer import DumpSource
from models.interchange.hook_names import layer_of, site_of_module
from models.language_model.token_strings import TokenStrings
from storage.folder import Folder

FOLDER = "the folder of one run of delphi, or …/latents/<hookpoint> of a run with several; the model needs a card"
EXAMPLE = "results/latents/layers.6 --model gpt2-small --recipe delphi"

_SPLIT = re.compile(r"(\d+)_(\d+)\.safetensors")
_TENSORS = {"locations": 2, "activations": 1, "tokens": 2}


def recognises(folder: Folder) -> bool:
    return "latents" in folder.folders() or any(_SPLIT.fullmatch(name) for name in folder.names())


def read(source: DumpSource) -> FeatureDump:
    """Opens a run's folder (with one hookpoint under `latents/`), or `…/latents/<hookpoint>` of one that has several.

    Raises:
        BadDump: Now or while the parts are read, if anything is missing, damaged or contradicts the rest.
        ValueError: If the model has no card, which would name the tokenizer: delphi stores numbers only.
    """
    run, hookpoint = _run_and_hookpoint(source.folder)
    latents = run / "latents" / hookpoint
    splits = _splits(latents)
    config = (
        CheckedRecord.of(parsed(latents.read_bytes("config.json"), f"{latents}/config.json"), f"{latents}/config.json")
        if latents.exists("config.json")
        else CheckedRecord(f"{latents}", {})
    )
    n_features = splits[-1][1] + 1
    with latents.reading(splits[0][2]) as path:
        tokens = _tensors(path, f"{latents}/{splits[0][2]}")["tokens"]
    site = site_of_module(hookpoint.replace("/", "."))
    about = DumpInfo(
        model=config.text("model_name") or "delphi",
        site=site,
        layer=layer_of(site),
        n_tokens=int(tokens.size),
        n_features=n_features,
        n_contexts=len(tokens),
        context_length=tokens.shape[1],
        dataset=config.text("dataset_repo"),
        config=dict(config.values),
    )
    reading = _DelphiReader(source, run, hookpoint, about, source.token_strings())
    return FeatureDump(about, reading.parts(splits), reading.notes)


def _run_and_hookpoint(folder: Folder) -> tuple[Folder, str]:
    """The run, and the hookpoint whose splits lie in it."""
    path = folder.url.rstrip("/")
    if "/latents/" in path and any(_SPLIT.fullmatch(name) for name in folder.names()):
        run, _, hookpoint = path.rpartition("/latents/")
        return Folder(run), hookpoint
    found = sorted(_hookpoints(folder / "latents"))
    if len(found) != 1:
        held = ", ".join(found) or "no splits such as latents/layers.6/0_4915.safetensors"
        raise BadDump(
            f"{folder} holds {held}: name the folder of one run of delphi, or of one hookpoint, as …/latents/layers.6"
        )
    return folder, found[0]


def _hookpoints(folder: Folder, inside: str = "") -> Iterator[str]:
    if inside and any(_SPLIT.fullmatch(name) for name in folder.names()):
        yield inside
    for name in folder.folders():
        yield from _hookpoints(folder / name, f"{inside}/{name}".lstrip("/"))


def _splits(latents: Folder) -> list[tuple[int, int, str]]:
    """First latent, last one and file of each split; together they are all latents from 0 on."""
    found = sorted(
        (int(match[1]), int(match[2]), name) for name in latents.names() if (match := _SPLIT.fullmatch(name))
    )
    wanted = 0
    for first, last, name in found:
        if first != wanted or last < first:
            raise BadDump(
                f"{latents} holds {', '.join(name for *_, name in found)}: {name} was wanted to begin at {wanted}: "
                "fetch the missing splits, or remove those of another run"
            )
        wanted = last + 1
    return found


def _tensors(path: Path, where: str) -> dict[str, np.ndarray]:
    try:
        with safe_open(path, "numpy") as file:
            missing = sorted(_TENSORS.keys() - set(file.keys()))
            if missing:
                raise BadDump(
                    f"{where} lacks {', '.join(missing)}; found {', '.join(file.keys())}: cache the latents again, "
                    "tokens included"
                )
            tensors = {name: file.get_tensor(name) for name in _TENSORS}
    except SafetensorError as error:
        raise BadDump(f"{where} is no whole safetensors file ({error}): fetch it again") from error
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    n = len(tensors["activations"])
    if any(tensors[name].ndim != dims for name, dims in _TENSORS.items()) or shapes["locations"] != (n, 3):
        raise BadDump(
            f"{where} has shapes {shapes}, wanted locations [n, 3], activations [n], tokens [rows, length]: cache the "
            "latents again"
        )
    return tensors


@dataclass
class _DelphiReader:
    """One run at one hookpoint, read for one dictionary of the warehouse."""

    source: DumpSource
    run: Folder
    hookpoint: str
    about: DumpInfo
    token_strings: TokenStrings
    notes: list[str] = field(default_factory=list)

    def parts(self, splits: list[tuple[int, int, str]]) -> Iterator[Part]:
        for first, last, name in splits:
            yield self._counted(first, last, name)
        yield self._labels()

    def _counted(self, first: int, last: int, name: str) -> Part:
        latents = self.run / "latents" / self.hookpoint
        with latents.reading(name) as path:
            found = _tensors(path, f"{latents}/{name}")
        rows = self._rows(found["tokens"], f"{latents}/{name}")
        fired = _fired(found, first, last, self.about.n_features or 0, f"{latents}/{name}")
        return measured(fired, rows, first, last, self.token_strings, self.source.model_id, self.source.recipe_id)

    def _rows(self, tokens: np.ndarray, where: str) -> TokenRows:
        if tokens.shape != (self.about.n_contexts, self.about.context_length):
            raise BadDump(
                f"{where} has tokens {tokens.shape}, another split has "
                f"{(self.about.n_contexts, self.about.context_length)}: remove the splits of another run"
            )
        least, most = int(tokens.min(initial=0)), int(tokens.max(initial=0))
        if least < 0 or most >= len(self.token_strings.texts):
            raise BadDump(
                f"{where} has token {most if least >= 0 else least}, the tokenizer knows 0 to "
                f"{len(self.token_strings.texts) - 1}: name the model whose tokenizer cut the corpus"
            )
        contexts = [Context(row, f"row-{row}", 0, ids) for row, ids in enumerate(tokens.astype(np.int32))]
        return TokenRows.of(contexts, TokenFilter(frozenset()))

    def _labels(self) -> Part:
        stem, sae_id, known = self.hookpoint, self.source.sae_id, self.about.n_features or 0
        explanations, ids = explanation_rows(self.run / "explanations", stem, sae_id, known)
        scores = score_rows(self.run / "scores", stem, ids, self.notes)
        return {
            "explanation": table("explanation", explanations),
            "explanation_score": table("explanation_score", scores),
        }


def _fired(tensors: dict[str, np.ndarray], first: int, last: int, n_features: int, where: str) -> Firings:
    """The split's activations in the order that statistics want, latents counted from the dictionary's first."""
    locations, acts = tensors["locations"].astype(np.int64), tensors["activations"].astype(np.float32)
    rows, length = tensors["tokens"].shape
    for axis, (what, most) in enumerate((("row", rows), ("position", length), ("latent", last - first + 1))):
        if len(locations) and (bad := locations[:, axis].max()) >= most:
            raise BadDump(
                f"{where} has {what} {bad}, wanted one of 0 to {most - 1}: the file is damaged or of another run, "
                "fetch it again"
            )
    if not (np.isfinite(acts) & (acts > 0)).all():
        place = int(np.flatnonzero(~(np.isfinite(acts) & (acts > 0)))[0])
        raise BadDump(
            f"{where} has activation {acts[place]} (latent {first + locations[place, 2]}, row {locations[place, 0]}, "
            f"position {locations[place, 1]}), wanted finite ones above 0: cache the latents again in float32"
        )
    order = np.lexsort((locations[:, 1], locations[:, 0], locations[:, 2]))
    locations, acts = locations[order], acts[order]
    if len(order) > 1 and (twice := (np.diff(locations, axis=0) == 0).all(axis=1)).any():
        row, position, latent = locations[int(np.flatnonzero(twice)[0])].tolist()
        raise BadDump(f"{where} has latent {first + latent} twice at row {row}, position {position}: fetch it again")
    features = (first + locations[:, 2]).astype(np.int32)
    places = locations[:, 0], locations[:, 1].astype(np.int32)
    return Firings(features, *places, acts, n_features, rows * length, 0, rows - 1)


def measured(
    fired: Firings, rows: TokenRows, first: int, last: int, pieces: TokenStrings, model_id: str, recipe_id: str
) -> Part:
    """Rows of `feature`, `activation_histogram` and `example` for the features from `first` to `last`."""
    settings, firing = StatisticsSettings(), FiringStatistics.of(fired)
    max_F, ours = firing.max_F, slice(first, last + 1)
    top = TopActivations.zero(fired.n_features, settings.top_examples)
    intervals = IntervalSample.zero(fired.n_features, settings.intervals, settings.examples_per_interval)
    controls = ControlWindows.zero(fired.n_features, settings.control_examples)
    positions = FiringPositions.zero(PositionBuckets.of(int(rows.positions_R.max()) + 1), fired.n_features).of(fired)
    kept = {
        "top": top + top.among(fired),
        "interval": intervals + intervals.among(fired, max_F),
        "control": controls + controls.among(fired, rows, positions.class_shares_FK(), settings.window_tokens),
    }
    windows = ExampleWindows.around(SelectedExamples.of(kept, settings.intervals), pieces, settings.window_tokens)
    windows.fill(fired, rows)
    dead_F = firing.is_dead_F[ours]
    feature: dict[str, Any] = {
        "feature_id": np.arange(first, last + 1, dtype=np.int32),
        "n_firings": firing.n_F[ours],
        "n_tokens": np.full(last + 1 - first, fired.n_tokens),
        "density": firing.density_F[ours],
        "mean_activation": pa.array(firing.mean_F[ours], mask=dead_F),
        "std_activation": pa.array(firing.std_F[ours], mask=dead_F),
        "max_activation": pa.array(max_F[ours], mask=dead_F),
        "is_dead": dead_F,
    }
    return {
        "feature": pa.Table.from_pydict(feature),
        "activation_histogram": ActivationHistogram.of(fired, max_F, settings.histogram_bins).rows(max_F),
        "example": windows.rows(model_id, recipe_id),
    }
