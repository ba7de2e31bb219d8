"""The attribution graph of one prompt: which features, errors and tokens act directly on which features and logits.

Ameisen et al. 2025, Circuit Tracing: the direct effect of a source is the product of what it writes with the gradient
of the target's pre-activation, in a model whose attention patterns, norms and MLP outputs are those of the prompt.

N nodes: active features, errors, tokens, logits, in this order; rows are targets, columns sources.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from models.attribution.graphs.linear_paths import LinearPaths
from models.attribution.graphs.logit_targets import LogitTargets
from models.attribution.graphs.source_products import SourceProducts
from models.attribution.graphs.sparse_rows import SparseRows
from models.attribution.graphs.stream_paths import StreamPaths, stream_sites
from models.attribution.graphs.transcoded_prompt import ModelTranscoders, TranscodedPrompt
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

KINDS = ("feature", "error", "token", "logit")


@dataclass(frozen=True)
class GraphLimits:
    """How large a graph may get."""

    max_features: int | None = None
    """Features whose inputs are computed, the most influential; None for all that fire."""
    logit_mass: float = 0.95
    max_logits: int = 10
    edges_per_node: int = 2_048
    """Largest inputs of a node that are kept."""
    batch_rows: int = 64
    """Targets of one backward pass, at most."""
    memory_bytes: int = 2**30
    """What gradients of a batch take, and decoder rows that are kept: each at most."""


@dataclass(frozen=True)
class GraphNodes:
    """What each node is; -1 and 0 where a column does not apply."""

    kind_N: np.ndarray
    """Place in KINDS."""
    layer_N: np.ndarray
    position_N: np.ndarray
    feature_N: np.ndarray
    token_N: np.ndarray
    activation_N: np.ndarray


@dataclass(frozen=True)
class AttributionGraph:
    """Nodes, weights of edges, and what was left out."""

    nodes: GraphNodes
    weights: csr_array
    """Direct effects [the target's pre-activation or logit]."""
    input_size_N: np.ndarray
    """Sum of the sizes of all that acts on a node, edges that were not kept included."""
    probability_N: np.ndarray
    """Of logits; 0 of other nodes."""
    n_active: int
    """Features that fire, those left out included."""
    left_out_influence: float
    """Share of all influence that goes to features that were left out."""

    def _kind(self, name: str) -> slice:
        start, end = np.searchsorted(self.nodes.kind_N, [KINDS.index(name), KINDS.index(name) + 1]).tolist()
        return slice(start, end)

    @cached_property
    def features(self) -> slice:
        return self._kind("feature")

    @cached_property
    def errors(self) -> slice:
        return self._kind("error")

    @cached_property
    def tokens(self) -> slice:
        return self._kind("token")

    @cached_property
    def logits(self) -> slice:
        return self._kind("logit")

    def __len__(self) -> int:
        return len(self.nodes.kind_N)

    @cached_property
    def shares(self) -> csr_array:
        """Size of each edge among all that acts on its target."""
        return normalized(self.weights, self.input_size_N)

    @classmethod
    def of(
        cls, host: HookedModel, prompt: TranscodedPrompt, targets: LogitTargets, limits: GraphLimits
    ) -> "AttributionGraph":
        """Computes the rows of logits and features.

        Raises:
            ValueError: If a norm cannot be frozen.
        """
        skips = any(prompt.model.transcoders.skip(layer) is not None for layer in prompt.model.layers)
        linear = LinearPaths.of(host, prompt, *([] if skips else stream_sites(host.n_layers)))
        stages = [*prompt.model.read.values(), Site("final_norm_in")]
        stream = None if skips else StreamPaths.of(linear, stages, prompt.pattern)
        work = _Work(linear, stream, SourceProducts(prompt, limits.memory_bytes), targets, limits)
        work.add_logits()
        chosen = work.add_features()
        return work.graph(chosen)


def graph_of(
    host: HookedModel, model: ModelTranscoders, token_ids: Sequence[int], n_special: int, limits: GraphLimits
) -> tuple[TranscodedPrompt, AttributionGraph]:
    """The graph of a prompt that starts with so many special tokens, and the pass that it describes.

    Raises:
        ValueError: If the model's attention cannot be read, a norm cannot be frozen, or the model is an encoder.
    """
    prompt = TranscodedPrompt.of(host, model, token_ids, n_special)
    targets = LogitTargets.of(host, prompt.final_PD[-1], prompt.logits_V, limits.logit_mass, limits.max_logits)
    return prompt, AttributionGraph.of(host, prompt, targets, limits)


def normalized(weights: csr_array, size_N: np.ndarray) -> csr_array:
    """Each row by its size, without signs."""
    share = csr_array(
        (np.abs(weights.data, dtype=np.float64), weights.indices, weights.indptr), shape=weights.shape, copy=False
    )
    share.data /= np.repeat(np.maximum(size_N, 1e-10), np.diff(weights.indptr))
    return share


@dataclass
class _Work:
    """A graph that is being computed, over all features that fire: columns are sources and then logits."""

    linear: LinearPaths
    stream: StreamPaths | None
    """The same for less, where the model's blocks are as plain as it takes."""
    sources: SourceProducts
    targets: LogitTargets
    limits: GraphLimits

    def __post_init__(self) -> None:
        self.rows = SparseRows(self.sources.n_columns, self.limits.edges_per_node)
        self.n_columns = self.sources.n_columns + len(self.targets.token_K)
        prompt = self.sources.prompt
        one_row = (len(self.linear.sources) + 3) * prompt.embed_PD.numel() * prompt.embed_PD.element_size()
        one_row += 3 * self.n_columns * prompt.embed_PD.element_size()
        self.batch = max(1, min(self.limits.batch_rows, self.limits.memory_bytes // one_row))

    def add_logits(self) -> None:
        positions = torch.full_like(self.targets.token_K, len(self.sources.prompt.token_ids) - 1)
        rows_KS = self._effects(Site("final_norm_in"), positions, self.targets.direction_KD)
        self.rows.add([*range(self.sources.n_columns, self.n_columns)], rows_KS)

    def _effects(self, stage: Site, position_B: Tensor, direction_BD: Tensor) -> Tensor:
        if self.stream is not None:
            return self.sources.rows(self.stream.gradients(stage, position_B, direction_BD))
        return self.sources.rows(self.linear.gradients(stage, position_B, direction_BD).items())

    def add_features(self) -> np.ndarray:
        """Computes the rows of features, the most influential first where not all are wanted; returns which."""
        n, most = self.sources.n_features, self.limits.max_features
        if most is None or most >= n:
            self._add(np.arange(n))
            return np.arange(n)
        chosen = np.zeros(n, dtype=bool)
        while chosen.sum() < most:
            ranked = np.argsort(-self._influence()[:n], kind="stable")
            pending = ranked[~chosen[ranked]][: min(2 * self.batch, most - int(chosen.sum()))]
            self._add(np.sort(pending))
            chosen[pending] = True
        return np.flatnonzero(chosen)

    def _add(self, features: np.ndarray) -> None:
        active, transcoders = self.sources.prompt.active, self.sources.prompt.model.transcoders
        layers = active.layer_N[features].numpy()
        for layer in np.unique(layers).tolist():
            of_layer = features[layers == layer]
            for start in range(0, len(of_layer), self.batch):
                batch = torch.from_numpy(of_layer[start : start + self.batch])
                site = self.sources.prompt.model.read[layer]
                device = self.linear.stages[site].device
                rows_BD = transcoders.encoder_rows(layer, active.feature_N[batch].to(device))
                self.rows.add(batch.tolist(), self._effects(site, active.position_N[batch], rows_BD))

    def _influence(self) -> np.ndarray:
        """Of every column, along the rows that are there."""
        shares, targets = normalized(self.rows.matrix(), self.rows.sums()), np.array(self.rows.targets)
        total, passed = np.zeros(self.n_columns), np.zeros(self.n_columns)
        passed[self.sources.n_columns :] = self.targets.probability_K
        while passed.any():
            passed = np.append(passed[targets] @ shares, np.zeros(len(self.targets.token_K)))
            total += passed
        return total

    def graph(self, chosen: np.ndarray) -> AttributionGraph:
        """The graph of the chosen features, in the order of blocks, positions and numbers."""
        n, influence = self.sources.n_features, self._influence()
        columns = np.concatenate([chosen, np.arange(n, self.sources.n_columns)])
        place = np.full(self.n_columns, -1)
        place[columns] = np.arange(len(columns))
        place[self.sources.n_columns :] = len(columns) + np.arange(len(self.targets.token_K))
        rows, at = self.rows.matrix().tocoo(), place[np.array(self.rows.targets)]
        size = len(columns) + len(self.targets.token_K)
        kept = place[rows.col] >= 0
        left_out = np.bincount(rows.row[~kept], np.abs(rows.data[~kept]), len(at))
        input_size = np.zeros(size)
        input_size[at] = np.maximum(self.rows.sums() - left_out, 0)
        weights = csr_array((rows.data[kept], (at[rows.row[kept]], place[rows.col[kept]])), shape=(size, size))
        probability = np.zeros(size)
        probability[len(columns) :] = self.targets.probability_K
        outside = np.setdiff1d(np.arange(n), chosen)
        share = float(influence[outside].sum() / max(influence.sum(), 1e-300))
        return AttributionGraph(self._nodes(chosen), weights, input_size, probability, n, share)

    def _nodes(self, chosen: np.ndarray) -> GraphNodes:
        prompt, n_logits = self.sources.prompt, len(self.targets.token_K)
        active, n_special, n_all = prompt.active, prompt.n_special, len(prompt.token_ids)
        n_layers, n_text = len(prompt.error), self.sources.n_text
        counts = (len(chosen), n_layers * n_text, n_all, n_logits)
        none = [np.full(n, -1) for n in counts]
        layers = [active.layer_N.numpy()[chosen], np.repeat(np.arange(n_layers), n_text), *none[2:]]
        text = np.tile(np.arange(n_special, n_all), n_layers)
        positions = [active.position_N.numpy()[chosen], text, np.arange(n_all), np.full(n_logits, n_all - 1)]
        tokens = [*none[:2], np.array(prompt.token_ids), self.targets.token_K.numpy()]
        activations = [active.activation_N.numpy()[chosen], *(np.zeros(n) for n in counts[1:])]
        return GraphNodes(
            np.repeat(np.arange(len(KINDS)), counts),
            np.concatenate(layers),
            np.concatenate(positions),
            np.concatenate([active.feature_N.numpy()[chosen], *none[1:]]),
            np.concatenate(tokens),
            np.concatenate(activations),
        )
