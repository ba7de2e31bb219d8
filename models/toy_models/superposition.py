"""Toy models of superposition (Elhage et al. 2022): more sparse features than dimensions, learned side by side.

h = W x;  x_hat = relu(W^T h + b);  loss = sum_i importance_i (x_i - x_hat_i)^2. Features are in [0, 1] and present with
a chance, the density. Dense features get a dimension each or none; sparse ones share dimensions, as far as their rare
meetings cost less than they bring. Many models learn at once, a row of every tensor each.

Axes: I models, N features, H hidden dimensions, B examples.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

REPRESENTED = 0.5
"""Squared length from which a feature counts as represented."""


@dataclass(frozen=True, slots=True)
class ToyPlan:
    """What is learned and how long."""

    n_features: int
    n_hidden: int
    steps: int = 2_000
    batch: int = 512
    learning_rate: float = 0.02
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ToyModels:
    """Weights of models that learned side by side."""

    W_IHN: Tensor
    b_IN: Tensor
    importance_IN: Tensor
    density_I: Tensor
    loss_I: Tensor
    """On fresh examples, importance counted, per example."""

    @property
    def norm_IN(self) -> Tensor:
        """Length with which each feature is represented."""
        return torch.linalg.vector_norm(self.W_IHN, dim=1)

    @property
    def dimensions_per_feature_I(self) -> Tensor:
        """Hidden dimensions over the sum of squared lengths: 1 where each represented feature has one of its own."""
        return self.W_IHN.shape[1] / self.norm_IN.square().sum(1).clamp_min(1e-12)

    @property
    def dimensionality_IN(self) -> Tensor:
        """What share of a dimension each feature has: |W_i|^2 / sum_j (W_i/|W_i| . W_j)^2."""
        return _shares(self.W_IHN)

    @property
    def interference_IN(self) -> Tensor:
        """Sum over others of the squared overlap with a feature's direction; 0 of features that have none."""
        others_IN = _overlaps(self.W_IHN).square().sum(2) - self.norm_IN.square()
        return torch.where(self.is_represented_IN, others_IN.clamp_min(0), 0.0)

    @property
    def is_represented_IN(self) -> Tensor:
        """Features that are at least as long as half a squared unit."""
        return self.norm_IN.square() > REPRESENTED


def learn_toys(density_I: Tensor, importance_IN: Tensor, plan: ToyPlan) -> ToyModels:
    """Models of several densities and importances, each on examples drawn anew at every step."""
    chance = torch.Generator().manual_seed(plan.seed)
    n_models, shape = len(density_I), (len(density_I), plan.batch, plan.n_features)

    def drawn() -> Tensor:
        values = torch.rand(shape, generator=chance)
        return values * (torch.rand(shape, generator=chance) < density_I[:, None, None])

    W_IHN = torch.randn(n_models, plan.n_hidden, plan.n_features, generator=chance) / plan.n_features**0.5
    b_IN = torch.zeros(n_models, plan.n_features)
    # A rare feature is seen seldom: its loss counts as much as that of a common one.
    weight_I11 = (1 / density_I)[:, None, None]
    W_IHN, b_IN = _adam(
        W_IHN, b_IN, plan, lambda W, b: (weight_I11 * _costs(W, b, drawn(), importance_IN)).sum(2).mean(1).sum()
    )
    with torch.no_grad():
        fresh = torch.stack([_costs(W_IHN, b_IN, drawn(), importance_IN).sum(2).mean(1) for _ in range(20)]).mean(0)
    return ToyModels(W_IHN, b_IN, importance_IN, density_I, fresh)


def phase_diagram(
    density_P: Tensor, importance_Q: Tensor, plan: ToyPlan, restarts: int
) -> tuple[list[list[str]], Tensor]:
    """What becomes of a second feature of another importance where one dimension is there for two.

    Args:
        density_P: Of both features.
        importance_Q: Of the second, the first's being 1.
        plan: Its numbers of features and dimensions are not asked.
        restarts: Models of each cell, of which the one of least loss counts: a model may be caught in a worse phase.

    Returns:
        By density and importance `none`, `dedicated` or `superposed`, and the losses (P, Q).
    """
    shape = (len(density_P), len(importance_Q), restarts)
    density_I = density_P[:, None, None].expand(shape).flatten()
    second_I = importance_Q[None, :, None].expand(shape).flatten()
    toys = learn_toys(
        density_I, torch.stack([torch.ones_like(second_I), second_I], 1), replace(plan, n_features=2, n_hidden=1)
    )
    best_PQ = toys.loss_I.view(shape).argmin(2, keepdim=True)
    is_there_PQN = toys.is_represented_IN.view(*shape, 2).take_along_dim(best_PQ[..., None], 2)[:, :, 0]
    names = {(True, False): "none", (False, True): "dedicated", (True, True): "superposed", (False, False): "none"}
    phases = [[names[tuple(cell)] for cell in row] for row in is_there_PQN.tolist()]
    return phases, toys.loss_I.view(shape).amin(2)


def _costs(W_IHN: Tensor, b_IN: Tensor, x_IBN: Tensor, importance_IN: Tensor) -> Tensor:
    """Of each example and feature."""
    hidden_IBH = torch.einsum("ibn,ihn->ibh", x_IBN, W_IHN)
    guess_IBN = torch.relu(torch.einsum("ibh,ihn->ibn", hidden_IBH, W_IHN) + b_IN[:, None])
    return importance_IN[:, None] * (x_IBN - guess_IBN).square()


def _adam(
    W_IHN: Tensor, b_IN: Tensor, plan: ToyPlan, cost: Callable[[Tensor, Tensor], Tensor], decay: float = 0.0
) -> tuple[Tensor, Tensor]:
    W, b = W_IHN.clone().requires_grad_(), b_IN.clone().requires_grad_()
    adam = torch.optim.AdamW([W, b], lr=plan.learning_rate, weight_decay=decay)
    for step in range(plan.steps):
        for group in adam.param_groups:
            rising, falling = (step + 1) / (0.05 * plan.steps), (plan.steps - step) / plan.steps
            group["lr"] = plan.learning_rate * min(1.0, rising, falling)
        loss = cost(W, b)
        adam.zero_grad()
        loss.backward()
        adam.step()
    return W.detach(), b.detach()


@dataclass(frozen=True, slots=True)
class Memorising:
    """A model that saw few examples: of each size of the training set what it learned."""

    n_examples: int
    train_loss: float
    test_loss: float
    example_norm: float
    """Mean squared length of the training examples' hidden vectors: long where examples are stored."""
    feature_norm: float
    """Mean squared length of the features."""
    example_dimensionality: float
    """Mean share of a dimension that an example has."""
    feature_dimensionality: float


def learn_from_few(n_examples: int, density: float, plan: ToyPlan, decay: float = 1e-2) -> Memorising:
    """Learns from the same examples again and again (Henighan et al. 2023): few are stored as they are, many make
    features, and in between the model does neither and is worst on fresh ones (double descent)."""
    chance = torch.Generator().manual_seed(plan.seed)

    def drawn(n: int) -> Tensor:
        values = torch.rand(n, plan.n_features, generator=chance)
        x_BN = values * (torch.rand(n, plan.n_features, generator=chance) < density)
        return x_BN / torch.linalg.vector_norm(x_BN, dim=1, keepdim=True).clamp_min(1e-9)

    train_BN, test_BN = drawn(n_examples), drawn(4096)
    W = torch.randn(1, plan.n_hidden, plan.n_features, generator=chance) / plan.n_features**0.5
    ones = torch.ones(1, plan.n_features)

    def cost(W: Tensor, b: Tensor) -> Tensor:
        batch = train_BN
        if len(batch) > plan.batch:
            batch = train_BN[torch.randint(len(train_BN), (plan.batch,), generator=chance)]
        return _costs(W, b, batch[None], ones).sum(2).mean()

    W, b = _adam(W, torch.zeros(1, plan.n_features), plan, cost, decay)
    with torch.no_grad():
        train_loss, test_loss = (float(_costs(W, b, x[None], ones).sum(2).mean()) for x in (train_BN, test_BN))
        hidden_HB = W[0] @ train_BN[:1000].T
    return Memorising(
        n_examples,
        train_loss,
        test_loss,
        float(hidden_HB.square().sum(0).mean()),
        float(W[0].square().sum(0).mean()),
        float(_shares(hidden_HB).mean()),
        float(_shares(W[0]).mean()),
    )


def _overlaps(vectors: Tensor) -> Tensor:
    """Of columns: each one's direction with every vector."""
    unit = vectors / torch.linalg.vector_norm(vectors, dim=-2, keepdim=True).clamp_min(1e-9)
    return unit.mT @ vectors


def _shares(vectors: Tensor) -> Tensor:
    """Of columns: what share of a dimension each has."""
    return vectors.square().sum(-2) / _overlaps(vectors).square().sum(-1).clamp_min(1e-12)
