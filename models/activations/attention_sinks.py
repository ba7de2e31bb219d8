"""Which of its first text tokens a model uses as attention sinks, and which token before the text frees them of it.

A few contexts are run in each frame that may be chosen. Where the residual stream at some text position lies far from
its mean, the position is a sink: its vectors would be most of the variance, and all that a dictionary learns.

Axes: L layers, N tokens of text, B contexts, P positions, D width.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Protocol

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from models.activations.dominance import EXCESS, SHARE
from models.activations.norm_reference import OUTLIER_RATIO
from models.activations.site_reading import HookedModelProtocol, PaddedBatch, padded_batches
from models.corpora.context_frame import SpecialTokens
from models.corpora.contexts import Context
from models.corpora.token_filter import TokenFilter
from models.language_model.sites import Site
from storage.table_schemas import rows_as_table

PIECES, LENGTH = 128, 48
"""Texts that are tried, and tokens of each, at most."""
FIRST = 8
"""Text positions that may be found to be sinks."""
BATCH_TOKENS = 2_048


class LayeredModelProtocol(HookedModelProtocol, Protocol):
    """The part of the host adapter that is used."""

    @property
    def n_layers(self) -> int: ...


@dataclass(frozen=True, slots=True)
class FrameTrial:
    """A frame as it was tried: where the residual stream lies far from its mean. One that was not has no numbers."""

    name: str
    """The token before the text, or `none`."""
    frame: SpecialTokens
    skip: int = 0
    """The number of first text tokens that are sinks: each dominates some layer, and so do all before it."""
    share: float | None = None
    """Of the variance of one layer the largest share that one of the first text positions holds …"""
    position: int | None = None
    """… which …"""
    layer: int | None = None
    """… and in which layer."""
    outlier_share: float | None = None
    """Of the first tokens, the share whose norm is beyond `OUTLIER_RATIO` medians, in the layer where most are."""
    n_tokens: int | None = None


def try_frames(
    host: LayeredModelProtocol,
    contents: Sequence[np.ndarray],
    candidates: Mapping[str, SpecialTokens],
    report: Callable[[int, int], None] = lambda done, total: None,
) -> list[FrameTrial]:
    """Each candidate, tried on the same texts.

    Args:
        host: The model.
        contents: Token ids of texts, each with room for a frame.
        candidates: Frames by the name of what stands before the text.
        report: Called after each with the frames done and their number.
    """
    trials = []
    for name, frame in candidates.items():
        trials.append(_trial(host, contents, name, frame))
        report(len(trials), len(candidates))
    return trials


def untried_frames(frames: Mapping[str, SpecialTokens]) -> list[FrameTrial]:
    """Frames that nothing is measured of."""
    return [FrameTrial(name, frame) for name, frame in frames.items()]


@dataclass(frozen=True, slots=True)
class FrameChoice:
    """The frame that was chosen, and all that were tried."""

    trial: FrameTrial
    frame: SpecialTokens
    trials: tuple[FrameTrial, ...]

    @property
    def decision(self) -> str:
        """The choice in a sentence."""
        what = f"{self.trial.name!r} before each text, skip_first {self.frame.skip_first}"
        if self.trial.n_tokens is None:
            return f"{what}: as the card and the tokenizer have it"
        sinks = [f"{trial.name!r} has {trial.skip} attention sinks in the text" for trial in self.trials]
        return f"{what}: {'; '.join(sinks)}, on {self.trial.n_tokens:,} tokens"

    def rows(self) -> pa.Table:
        """Grain: a frame; the columns of the table `context_frame` but its partition's key."""
        rows = [
            {
                "candidate": trial.name,
                "prefix": list(trial.frame.prefix),
                "suffix": list(trial.frame.suffix),
                "n_sinks": None if trial.n_tokens is None else trial.skip,
                "variance_share": trial.share,
                "position": trial.position,
                "layer": trial.layer,
                "outlier_share": trial.outlier_share,
                "n_tokens": trial.n_tokens,
                "is_chosen": trial is self.trial,
                "skip_first": self.frame.skip_first if trial is self.trial else trial.skip,
            }
            for trial in self.trials
        ]
        return rows_as_table("context_frame", rows)


def choose_frame(trials: Sequence[FrameTrial], skip_first: int | None = None) -> FrameChoice:
    """The first trial, which is the tokenizer's own habit, if it has no sink; or else the one that needs the fewest
    tokens left out, and of those the one with the fewest outliers.

    The chosen frame skips as many tokens as are asked for or, where None is said, as its sinks need.
    """
    best = min(trials, key=lambda trial: (trial.skip, trial.outlier_share or 0.0)) if trials[0].skip else trials[0]
    frame = replace(best.frame, skip_first=best.skip if skip_first is None else skip_first)
    return FrameChoice(best, frame, tuple(trials))


@torch.no_grad()
def _trial(host: LayeredModelProtocol, contents: Sequence[np.ndarray], name: str, frame: SpecialTokens) -> FrameTrial:
    rows = [np.array(frame.framed(content.tolist()), dtype=np.int32) for content in contents]
    contexts = [Context(number, "", 0, row) for number, row in enumerate(rows)]
    whole = TokenFilter(frozenset(), frame)
    sites = [Site("resid_post", layer) for layer in range(host.n_layers)]
    offsets, squares, norms, centres = list[np.ndarray](), list[np.ndarray](), list[np.ndarray](), list[Tensor]()
    for batch in padded_batches(contexts, whole, BATCH_TOKENS):
        offset_N = batch.read_BP.nonzero()[:, 1].numpy() - len(frame.prefix)
        with host.capture(sites) as captured:
            host.forward(
                batch.token_ids_BP.to(host.device), None if batch.mask_BP.all() else batch.mask_BP.to(host.device)
            )
        read = [_read(captured[site], batch) for site in sites]
        centres = centres or [_centre(x_ND, offset_N) for x_ND in read]
        offsets.append(offset_N)
        squares.append(np.stack([_squares(x_ND, c_D) for x_ND, c_D in zip(read, centres, strict=True)]))
        norms.append(np.stack([x_ND.norm(dim=1).cpu().numpy() for x_ND in read]))
    norm_LN = np.concatenate(norms, axis=1)
    offset_N = np.concatenate(offsets)
    is_outlier_LN = norm_LN > OUTLIER_RATIO * np.median(norm_LN, axis=1, keepdims=True)
    outlier_share = float(is_outlier_LN[:, offset_N < FIRST].mean(axis=1).max())
    return _judged(name, frame, offset_N, np.concatenate(squares, axis=1), outlier_share)


def _read(x_BPD: Tensor, batch: PaddedBatch) -> Tensor:
    return x_BPD[batch.read_BP.to(x_BPD.device)].float()


def _centre(x_ND: Tensor, offset_N: np.ndarray) -> Tensor:
    """The mean of the tokens that are no candidates for sinks; of short contexts, of all."""
    later_N = torch.from_numpy(offset_N >= FIRST).to(x_ND.device)
    return (x_ND[later_N] if later_N.any() else x_ND).mean(dim=0)


def _squares(x_ND: Tensor, centre_D: Tensor) -> np.ndarray:
    return (x_ND - centre_D).square().sum(dim=1, dtype=torch.float64).cpu().numpy()


def _judged(
    name: str, frame: SpecialTokens, offset_N: np.ndarray, square_LN: np.ndarray, outlier_share: float
) -> FrameTrial:
    share_LP = np.zeros((len(square_LN), FIRST))
    for position in range(FIRST):
        share_LP[:, position] = square_LN[:, offset_N == position].sum(axis=1)
    share_LP /= np.maximum(square_LN.sum(axis=1), 1e-300)[:, None]
    sinks = list(takewhile(lambda position: _dominates(position, offset_N, square_LN), range(FIRST)))
    layer, position = (int(i) for i in np.unravel_index(share_LP.argmax(), share_LP.shape))
    share = float(share_LP[layer, position])
    return FrameTrial(name, frame, len(sinks), share, position, layer, outlier_share, len(offset_N))


def _dominates(position: int, offset_N: np.ndarray, square_LN: np.ndarray) -> bool:
    """Whether a position dominates a layer among those that come no earlier: it holds a large share of the variance,
    and its typical token, by the median, lies far out; a token that is far out by chance does not make a sink."""
    here_N, later_N = offset_N == position, offset_N > position
    if not here_N.any() or not later_N.any():
        return False
    here_LN, later_LN = square_LN[:, here_N], square_LN[:, later_N]
    share_L = here_LN.sum(axis=1) / np.maximum(here_LN.sum(axis=1) + later_LN.sum(axis=1), 1e-300)
    ratio_L = np.median(here_LN, axis=1) / np.maximum(np.median(later_LN, axis=1), 1e-300)
    return bool(((share_L > SHARE) & (ratio_L > EXCESS)).any())


def sample_contents(encoded: Sequence[Sequence[int]], room: int) -> list[np.ndarray]:
    """Pieces of documents' tokens to try frames on: from every document in turn its next piece, until there are enough.

    Args:
        encoded: Token ids of each document.
        room: Tokens of text that a context has room for.
    """
    room = min(room, LENGTH)
    starts = range(0, max(map(len, encoded), default=0), room)
    pieces = (np.array(ids[start : start + room], dtype=np.int32) for start in starts for ids in encoded)
    return list(islice((piece for piece in pieces if len(piece)), PIECES))
