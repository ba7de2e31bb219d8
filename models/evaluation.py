"""How well a dictionary stands in for what it reads, on documents that it was not trained on.

The real model runs three times: as it is, with the site replaced by the dictionary's reconstruction, and with the site
replaced by its mean.

Axes: T text tokens, D width, F features, N predicted tokens, V vocabulary.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from models.codes import Codes
from models.contexts import PER_SHARD, Context, Contexts
from models.documents import is_held_out
from models.draw import draw
from models.harvest import padded_batches
from models.sites import Site
from models.splicing import Model, spliced, targets, unspliced

BATCH_TOKENS = 4096
LOGITS = {"cpu": 2**25, "cuda": 2**29}
"""Logits that a batch may have, unless one context alone has more."""

UNITS = {
    "l0": "features per token",
    "fvu": "fraction of the variance",
    "dead_fraction": "fraction of the features",
    "ce_clean": "nats per token",
    "ce_spliced": "nats per token",
    "ce_mean_ablated": "nats per token",
    "ce_recovered": "fraction of what mean ablation costs",
    "kl": "nats per token",
    "l0_trained": "features per token",
    "l0_exported": "features per token",
    "fvu_trained": "fraction of the variance",
    "fvu_exported": "fraction of the variance",
}
SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("n_tokens", pa.int64()),
    ]
)


class Coder(Protocol):
    """The part of a dictionary that an evaluation uses."""

    n_features: int

    def encode(self, x_TD: Tensor) -> Codes: ...
    def guess(self, x_TD: Tensor, codes: Codes) -> Tensor: ...
    @property
    def W_dec(self) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Fit:
    """Squared error and spread of some activations, in float64, and how often each feature fired on them."""

    n: int
    error: float
    squares: float
    sum_D: Tensor
    firings_F: Tensor

    @classmethod
    def zero(cls, width: int, n_features: int) -> Self:
        return cls(0, 0.0, 0.0, torch.zeros(width, dtype=torch.float64), torch.zeros(n_features, dtype=torch.int64))

    @classmethod
    def of(cls, x_TD: Tensor, recon_TD: Tensor, codes: Codes) -> Self:
        x_TD = x_TD.double()
        firings_F = torch.bincount(codes.fired()[1], minlength=codes.n_features).cpu()
        error, squares = (x_TD - recon_TD.double()).square().sum(), x_TD.square().sum()
        return cls(len(x_TD), float(error), float(squares), x_TD.sum(dim=0).cpu(), firings_F)

    def __add__(self, other: "Fit") -> "Fit":
        return Fit(
            self.n + other.n,
            self.error + other.error,
            self.squares + other.squares,
            self.sum_D + other.sum_D,
            self.firings_F + other.firings_F,
        )

    @property
    def mean_D(self) -> Tensor:
        return self.sum_D / self.n

    def metrics(self) -> dict[str, float]:
        """FVU is the squared error over the squared distance from the mean; left out where nothing varies."""
        spread = self.squares - float(self.sum_D.square().sum()) / self.n
        dead = float((self.firings_F == 0).double().mean())
        fvu = {"fvu": self.error / spread} if spread > 0 else {}
        return {"l0": float(self.firings_F.sum()) / self.n, "dead_fraction": dead} | fvu


@dataclass(frozen=True, slots=True)
class Loss:
    """Summed cross-entropies over N predicted tokens, and the divergence of the spliced model from the clean one."""

    n: int = 0
    clean: float = 0.0
    spliced: float = 0.0
    ablated: float = 0.0
    divergence: float = 0.0

    @classmethod
    def of(cls, clean_NV: Tensor, spliced_NV: Tensor, targets_N: Tensor) -> Self:
        divergence = (clean_NV.exp() * (clean_NV - spliced_NV)).sum(dtype=torch.float64)
        ce, spliced_ce = cross_entropy(clean_NV, targets_N), cross_entropy(spliced_NV, targets_N)
        return cls(len(targets_N), ce, spliced_ce, 0.0, float(divergence))

    def __add__(self, other: "Loss") -> "Loss":
        return Loss(
            self.n + other.n,
            self.clean + other.clean,
            self.spliced + other.spliced,
            self.ablated + other.ablated,
            self.divergence + other.divergence,
        )

    def metrics(self) -> dict[str, float]:
        """Per token; what is recovered is left out where ablation costs nothing. Rounding makes no divergence < 0."""
        cost = self.ablated - self.clean
        recovered = {"ce_recovered": (self.ablated - self.spliced) / cost} if cost else {}
        return {
            "ce_clean": self.clean / self.n,
            "ce_spliced": self.spliced / self.n,
            "ce_mean_ablated": self.ablated / self.n,
            "kl": max(self.divergence, 0.0) / self.n,
        } | recovered


def cross_entropy(log_probabilities_NV: Tensor, targets_N: Tensor) -> float:
    """Summed over the tokens, in nats."""
    targets_N = targets_N.to(log_probabilities_NV.device)
    return -float(log_probabilities_NV.gather(1, targets_N[:, None]).sum(dtype=torch.float64))


def held_out(contexts: Contexts, tokens: int, seed: int = 0) -> list[Context]:
    """Contexts of held-out documents with about `tokens` tokens, or all there are; drawn by hash, in stored order."""
    kept = {name: is_held_out(name) for name in set(contexts.document_ids)}
    ids = np.flatnonzero([kept[name] for name in contexts.document_ids])
    n = math.ceil(tokens * contexts.n_contexts / contexts.manifest.facts["n_tokens"])
    drawn = np.sort(ids[np.argsort(draw(ids, 0, seed), kind="stable")][:n])
    shards = np.split(drawn, np.flatnonzero(np.diff(drawn // PER_SHARD)) + 1)
    return [context for some in shards for context in contexts.rows(some.tolist())]


def evaluate(
    host: Model,
    site: Site,
    sae: Coder,
    contexts: Sequence[Context],
    special_ids: set[int],
    *,
    written: Site | None = None,
    split: str = "held_out",
    report: Callable[[int, int], None] = lambda done, total: None,
) -> pa.Table:
    """L0, FVU, dead fraction and, for a causal model, what replacing the site costs in cross-entropy.

    Args:
        host: The model that the dictionary reads.
        site: Where it reads.
        sae: The dictionary.
        contexts: Tokens to measure on; see `held_out`.
        special_ids: Tokens that are neither measured nor replaced nor predicted.
        written: Where it is spliced in, and what its error is measured at, if that is another site (a transcoder's).
        split: Goes into the rows.
        report: Called after each batch with the batches done and their number.

    Returns:
        Grain: a metric; `split, metric, value, unit, n_tokens`. What is undefined has no row: the cross-entropies of an
        encoder, what is recovered where ablation costs nothing, FVU where nothing varies. `dead_fraction` is of these
        tokens: features that are rare, not dead, count in it.

    Raises:
        ValueError: If there are no contexts.
    """
    if not contexts:
        raise ValueError(
            "no context of a held-out document was found: one document in sixteen is held out, by its name, and this "
            "corpus has too few; give the model card a corpus of more documents"
        )
    together = min(BATCH_TOKENS, LOGITS.get(host.device.type, LOGITS["cpu"]) // host.vocab_size)
    batches = list(padded_batches(contexts, special_ids, together))
    fit, loss, n_steps = Fit.zero(sae.W_dec.shape[1], sae.n_features), Loss(), len(batches) * (1 + host.is_causal)
    end, sites = written or site, list(dict.fromkeys([site, written or site]))
    for number, batch in enumerate(batches):
        found, clean_NV = unspliced(host, sites, batch)
        x_TD, y_TE = found[0].to(sae.W_dec.device), found[-1]
        with torch.no_grad():
            codes = sae.encode(x_TD)
            recon_TE = sae.guess(x_TD, codes).to(y_TE)
        fit += Fit.of(y_TE, recon_TE, codes)
        if clean_NV is not None:
            loss += Loss.of(clean_NV, spliced(host, end, batch, recon_TE), targets(batch))
        report(number + 1, n_steps)
    for number, batch in enumerate(batches if host.is_causal else ()):
        ablated_NV = spliced(host, end, batch, fit.mean_D)
        loss += Loss(ablated=cross_entropy(ablated_NV, targets(batch)))
        report(len(batches) + number + 1, n_steps)
    return metric_rows(split, [(fit.metrics(), fit.n), (loss.metrics() if loss.n else {}, loss.n)])


def metric_rows(split: str, found: Sequence[tuple[dict[str, float], int]]) -> pa.Table:
    """Grain: a metric; each of some measured on so many tokens."""
    rows = [(split, name, value, UNITS[name], n) for metrics, n in found for name, value in metrics.items()]
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA)


def calibration_rows(facts: dict[str, Any] | None) -> pa.Table:
    """What a dictionary did in training and does as exported, on the held-out tokens that it was calibrated on; nothing
    where it was not trained here."""
    n_tokens = facts["n_tokens"] if facts else 0
    stages = {stage: facts[stage] for stage in ("trained", "exported")} if facts else {}
    named = {f"{metric}_{stage}": value for stage, found in stages.items() for metric, value in found.items()}
    return metric_rows("calibration", [(named, n_tokens)])
