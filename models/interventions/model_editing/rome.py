"""ROME: one fact changed by an edit of rank one (Meng et al. 2022, Locating and Editing Factual Associations in GPT).

The MLP of one block is read as a memory: the key k* that the subject's token gives is to have the value v* under which
the model says the new object.

k* = mean over contexts of the key; v* = v0 + δ, δ the minimum of
    mean over contexts of -log p(new | context) + kl · KL(p(· | "subject is a") ‖ p before) + decay · ‖δ‖ / ‖v0‖²
W' = W + (v* - W k* - b) uᵀ / (u · k*), u = C⁻¹ k*

The same averaged k* stands in numerator and denominator, so that W' k* + b = v*: with the key of a single context in
one of the two, edits can break the model (Gupta et al. 2024, Rebuilding ROME).

B rows, P positions, D model width, E neurons, V vocabulary.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div

from models.interventions.model_editing.down_projection import DownProjection
from models.interventions.model_editing.key_covariance import KeyCovariance
from models.interventions.model_editing.rank_one_edit import RankOneEdit
from models.interventions.suffix_passes import SuffixPasses
from models.language_model.hooked_model import HookedModel
from models.language_model.hooks import add_hook, unflattened
from models.language_model.module_map import HookPoint
from models.language_model.sites import Site


@dataclass(frozen=True, slots=True)
class EditContext:
    """A text in which the subject stands."""

    token_ids: tuple[int, ...]
    position: int
    """Where the key is read."""


@dataclass(frozen=True, slots=True)
class EditRequest:
    """One fact that is to change."""

    contexts: Sequence[EditContext]
    """The prompt alone first, then behind other texts."""
    essence: EditContext
    """"subject is a": what the subject is should stay."""
    new_id: int
    """The token that should follow each context."""


@dataclass(frozen=True, slots=True)
class ValueSearch:
    """How v* is searched for, by Adam."""

    steps: int = 25
    learning_rate: float = 0.5
    """In multiples of the root mean square of v0: the same for models of any scale."""
    kl_factor: float = 0.0625
    weight_decay: float = 0.5
    largest_change: float = 4.0
    """‖δ‖ is kept below this multiple of ‖v0‖."""
    enough: float = 0.05
    """The search ends where the loss is below."""


@dataclass(frozen=True, slots=True, eq=False)
class RomeEdit:
    """An edit, and how it was found."""

    edit: RankOneEdit
    key_E: Tensor
    """k*."""
    value_D: Tensor
    """v*."""
    original_D: Tensor
    """v0: the value of the prompt alone before the edit."""
    steps: int
    negative_log_likelihood: float
    """Of the new object under v*, mean over the contexts [nats]."""
    kl: float
    """Of what is said of the subject, from before [nats]."""


def rome_edit(
    host: HookedModel, layer: int, request: EditRequest, covariance: KeyCovariance, ridge: float, search: ValueSearch
) -> RomeEdit:
    """The edit of one block that makes the new object follow.

    Raises:
        InvalidEdit: If the block has no single down-projection in float32, or the covariance is not invertible.
    """
    projection = DownProjection.of(host, layer)
    key_BE = context_keys(host, layer, request.contexts)
    key_E, original_D = key_BE.double().mean(0), projection(key_BE[0])
    direction_E = covariance.solve(key_E, ridge).to(key_E.device)
    found = search_value(host, projection, request, original_D.float(), search)
    value_D = original_D + found.change_D.double()
    u_E = direction_E / (direction_E @ key_E)
    edit = RankOneEdit(layer, projection.name, host.weights_sha256, u_E.float(), (value_D - projection(key_E)).float())
    return RomeEdit(edit, key_E, value_D, original_D, found.steps, found.negative_log_likelihood, found.kl)


@torch.no_grad()
def context_keys(host: HookedModel, layer: int, contexts: Sequence[EditContext]) -> Tensor:
    """The key of each context (B, E)."""
    site, keys = Site("mlp_act", layer), [Tensor()] * len(contexts)
    for numbers in _of_one_shape(contexts):
        with host.capture([site]) as found:
            host.forward(torch.tensor([contexts[number].token_ids for number in numbers]))
        for number, key_E in zip(numbers, found[site][:, contexts[numbers[0]].position], strict=True):
            keys[number] = key_E
    return torch.stack(keys)


def _of_one_shape(contexts: Sequence[EditContext]) -> list[list[int]]:
    """Numbers of the contexts that can run as one batch."""
    groups = defaultdict[tuple[int, int], list[int]](list)
    for number, context in enumerate(contexts):
        groups[len(context.token_ids), context.position].append(number)
    return list(groups.values())


@dataclass(frozen=True, slots=True, eq=False)
class FoundValue:
    """δ, and what it does."""

    change_D: Tensor
    steps: int
    negative_log_likelihood: float
    kl: float


@dataclass(frozen=True, slots=True, eq=False)
class _ShiftedPasses:
    """Texts of one shape, run with something added to the down-projection's output at one position."""

    passes: SuffixPasses
    projection: DownProjection
    position: int

    @classmethod
    def of(cls, host: HookedModel, projection: DownProjection, contexts: Sequence[EditContext]) -> "_ShiftedPasses":
        ids_BP = torch.tensor([context.token_ids for context in contexts])
        position = contexts[0].position
        return cls(SuffixPasses.of(host, ids_BP, position), projection, position)

    def logits(self, change_D: Tensor) -> Tensor:
        n_rows, place = len(self.passes.token_ids_BP), torch.tensor([self.position - self.passes.start])

        def shift(x_BPD: Tensor) -> Tensor:
            added = change_D.to(x_BPD).expand(len(x_BPD), 1, -1)
            return x_BPD.index_add(1, place.to(x_BPD.device), added)

        with _at_output(self.projection, shift, n_rows):
            return self.passes.logits()


@contextmanager
def _at_output(projection: DownProjection, see: Callable[[Tensor], Tensor], n_rows: int) -> Iterator[None]:
    shown = unflattened(see, lambda: n_rows) if projection.is_flat else see
    hook = add_hook(projection.module, HookPoint("", "out"), shown)
    try:
        yield
    finally:
        hook.remove()


def search_value(
    host: HookedModel, projection: DownProjection, request: EditRequest, original_D: Tensor, search: ValueSearch
) -> FoundValue:
    """The change of the value `original_D` under which the new object follows."""
    groups = [
        _ShiftedPasses.of(host, projection, [request.contexts[number] for number in numbers])
        for numbers in _of_one_shape(request.contexts)
    ]
    essence, norm = _ShiftedPasses.of(host, projection, [request.essence]), original_D.norm()
    change_D = torch.zeros_like(original_D, requires_grad=True)
    with torch.no_grad():
        before_BV = essence.logits(change_D).float().log_softmax(-1)
    scale = float(norm / len(original_D) ** 0.5)
    adam, done = torch.optim.Adam([change_D], lr=search.learning_rate * scale), 0

    def losses() -> tuple[Tensor, Tensor]:
        logits_BV = torch.cat([group.logits(change_D) for group in groups]).float()
        target_B = torch.full((len(logits_BV),), request.new_id, device=logits_BV.device)
        after_BV = essence.logits(change_D).float().log_softmax(-1)
        return cross_entropy(logits_BV, target_B), kl_div(before_BV, after_BV, reduction="batchmean", log_target=True)

    while True:
        likelihood, kl = losses()
        decay = search.weight_decay * change_D.norm() / norm.square()
        loss = likelihood + search.kl_factor * kl + decay
        if done == search.steps or float(loss.detach()) < search.enough:
            return FoundValue(change_D.detach(), done, float(likelihood.detach()), float(kl.detach()))
        adam.zero_grad()
        loss.backward()
        adam.step()
        done += 1
        with torch.no_grad():
            change_D *= (search.largest_change * norm / change_D.norm().clamp(min=1e-12)).clamp(max=1)
