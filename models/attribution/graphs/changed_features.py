"""Features changed in the model itself, beside what their attribution graph predicts: how far a graph can be trusted.

A feature of activation a at a position is changed to factor · a by adding (factor − 1) · a times what it writes to the
MLP outputs that it writes. The MLPs behind it answer as they do; attention patterns and the scales of norms are held as
they were, or left free as well. The graph predicts linearly: effects along all paths through its features, each in
proportion to its activation.

B rows, P positions, D width, N nodes, T targets.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.attribution.graphs.attribution_graph import AttributionGraph
from models.attribution.graphs.transcoded_prompt import TranscodedPrompt
from models.interventions.frozen_norms import frozen_norms
from models.language_model.hooked_model import HookedModel
from models.language_model.site_edit import Edit
from models.language_model.sites import Site
from models.numerics.correlations import spearman

ROWS = 16
"""Changes that are run side by side, at most."""


@dataclass(frozen=True)
class FeatureChange:
    """One feature of a graph at its position, and what its activation is multiplied by."""

    node: int
    factor: float


@dataclass(frozen=True)
class ChangeEffect:
    """What a change does to some values, as predicted and as measured."""

    change: FeatureChange
    target: str
    """`logits` or `features`."""
    predicted_T: np.ndarray
    actual_T: np.ndarray

    @property
    def spearman(self) -> float | None:
        return spearman(self.predicted_T, self.actual_T)

    @property
    def cosine(self) -> float | None:
        """None where nothing changes, or nothing is predicted to."""
        sizes = np.linalg.norm(self.predicted_T) * np.linalg.norm(self.actual_T)
        return float(np.clip(self.predicted_T @ self.actual_T / sizes, -1, 1)) if sizes else None


def predicted_changes(graph: AttributionGraph, change: FeatureChange) -> np.ndarray:
    """What the graph says becomes of every node (N): changes of activations and of logits."""
    total_N, relative_N = np.zeros(len(graph)), np.zeros(len(graph))
    relative_N[change.node] = change.factor - 1
    activation_N = graph.nodes.activation_N
    while relative_N.any():
        moved_N = graph.weights @ relative_N
        total_N += moved_N
        relative_N = np.divide(moved_N, activation_N, out=np.zeros(len(graph)), where=activation_N > 0)
    return total_N


def change_effects(
    host: HookedModel,
    prompt: TranscodedPrompt,
    graph: AttributionGraph,
    changes: Sequence[FeatureChange],
    features: np.ndarray,
    *,
    frozen: bool,
) -> Iterator[ChangeEffect]:
    """Runs the model with each change.

    Args:
        host: The model.
        prompt: The pass that the graph describes.
        graph: Its graph.
        changes: What is changed, one at a time.
        features: Nodes of the features that are looked at; of these the ones that a change can reach.
        frozen: Whether attention patterns and scales of norms are held.
    """
    for start in range(0, len(changes), ROWS):
        some = changes[start : start + ROWS]
        logits_BT, activation_BT = _run(host, prompt, graph, some, features, frozen)
        for row, change in enumerate(some, 1):
            predicted_N = predicted_changes(graph, change)
            yield ChangeEffect(change, "logits", predicted_N[graph.logits], logits_BT[row] - logits_BT[0])
            reached = _reached(graph, change.node, features)
            if reached.any():
                moved_T = (activation_BT[row] - activation_BT[0])[reached]
                yield ChangeEffect(change, "features", predicted_N[features[reached]], moved_T)


def _reached(graph: AttributionGraph, node: int, features: np.ndarray) -> np.ndarray:
    """Features of later blocks, at the position or behind it."""
    layer_N, position_N = graph.nodes.layer_N, graph.nodes.position_N
    return (layer_N[features] > layer_N[node]) & (position_N[features] >= position_N[node])


@torch.no_grad()
def _run(
    host: HookedModel,
    prompt: TranscodedPrompt,
    graph: AttributionGraph,
    changes: Sequence[FeatureChange],
    features: np.ndarray,
    frozen: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Logits of the graph less the vocabulary's average, and activations of the features; the first row unchanged."""
    token_ids_BP = torch.tensor([list(prompt.token_ids)]).repeat(len(changes) + 1, 1)
    edits: dict[Site, Edit] = {site: _added(delta_BPD) for site, delta_BPD in _deltas(prompt, graph, changes).items()}
    with ExitStack() as open_:
        if frozen:
            edits |= {site: _replayed(x) for site, x in prompt.pattern.items()}
        read = open_.enter_context(host.capture(list(prompt.model.read.values()), stop_early=False))
        open_.enter_context(host.intervene(edits))
        if frozen:
            open_.enter_context(frozen_norms(host, token_ids_BP))
        logits = host.forward(token_ids_BP)
    assert logits is not None, "a pass that is not stopped has logits"
    last_BV = logits[:, -1].double()
    tokens = graph.nodes.token_N[graph.logits]
    logits_BT = (last_BV[:, tokens] - last_BV.mean(dim=1, keepdim=True)).cpu().numpy()
    activation_BT = np.zeros((len(token_ids_BP), len(features)))
    for layer, site in prompt.model.read.items():
        own = np.flatnonzero(graph.nodes.layer_N[features] == layer)
        activation_BT[:, own] = _activations(prompt, graph, layer, read[site], features[own])
    return logits_BT, activation_BT


def _deltas(prompt: TranscodedPrompt, graph: AttributionGraph, changes: Sequence[FeatureChange]) -> dict[Site, Tensor]:
    """What is added to each MLP's output (B, P, D)."""
    transcoders, deltas = prompt.model.transcoders, dict[Site, Tensor]()
    for row, change in enumerate(changes, 1):
        layer, position = (int(x[change.node]) for x in (graph.nodes.layer_N, graph.nodes.position_N))
        feature_1 = torch.from_numpy(graph.nodes.feature_N[[change.node]])
        amount = (change.factor - 1) * graph.nodes.activation_N[change.node]
        for written in transcoders.written_layers(layer):
            said_PD = prompt.written[written]
            delta_BPD = deltas.setdefault(Site("mlp_out", written), said_PD.new_zeros(len(changes) + 1, *said_PD.shape))
            [row_D] = transcoders.decoder_rows(layer, feature_1.to(said_PD.device), written)
            delta_BPD[row, position] = amount * row_D.to(delta_BPD)
    return deltas


def _added(delta_BPD: Tensor) -> Edit:
    return lambda x_BPD: x_BPD + delta_BPD


def _replayed(pattern_1HPK: Tensor) -> Edit:
    return lambda x_BHPK: pattern_1HPK.expand_as(x_BHPK)


def _activations(
    prompt: TranscodedPrompt, graph: AttributionGraph, layer: int, read_BPD: Tensor, features: np.ndarray
) -> np.ndarray:
    """Activations of some features of a block at their positions (B, T)."""
    n = prompt.model.transcoders.n_features(layer)
    positions, place = np.unique(graph.nodes.position_N[features], return_inverse=True)
    codes = prompt.model.transcoders.encode(layer, read_BPD[:, positions].flatten(0, 1))
    row_M, feature_M, activation_M = (x.cpu().numpy() for x in codes.fired())
    rows_BT = np.arange(len(read_BPD))[:, None] * len(positions) + place
    keys_M, wanted_BT = row_M.astype(np.int64) * n + feature_M, rows_BT * n + graph.nodes.feature_N[features]
    order = np.argsort(keys_M)
    at_BT = np.searchsorted(keys_M[order], wanted_BT)
    at_BT = np.minimum(at_BT, max(len(keys_M) - 1, 0))
    if not len(keys_M):
        return np.zeros(wanted_BT.shape)
    return np.where(keys_M[order][at_BT] == wanted_BT, activation_M[order][at_BT], 0.0)
