"""The clean and the corrupt run between which values are exchanged. S seeds of the corruption, P positions, D width."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from models.attribution.answer_metric import AnswerMetric
from models.attribution.resumed_pass import FINAL, ResumedPass
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

Direction = Literal["denoising", "noising"]
"""Denoising puts clean values into the corrupt run, noising corrupt values into the clean run."""
EMBEDDINGS = 20_000
"""Tokens over which the spread of embeddings is taken, at most."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run said, for every seed."""

    values: Mapping[Site, Tensor]
    """(S, P, …) at the sites that are patched, and where the stream enters each block."""
    metric_S: Tensor

    @property
    def metric(self) -> float:
        return float(self.metric_S.double().mean())

    def repeated(self, n: int) -> "Run":
        """A run of one seed as one of n."""
        values = {site: x.expand(n, *x.shape[1:]) for site, x in self.values.items()}
        return Run(values, self.metric_S.expand(n))


@dataclass(frozen=True, slots=True)
class PatchingRuns:
    """Two runs of as many tokens."""

    token_ids_P: Tensor
    """Of the clean run."""
    clean: Run
    corrupt: Run
    first_changed: int
    """The first position at which the runs differ: what stands before it is the same in both."""

    def between(self, direction: Direction) -> tuple[Run, Run]:
        """The run that is patched, and the one that the values come from."""
        return (self.corrupt, self.clean) if direction == "denoising" else (self.clean, self.corrupt)


def contrast_runs(
    passes: ResumedPass, metric: AnswerMetric, sites: Sequence[Site], clean: Sequence[int], corrupt: Sequence[int]
) -> PatchingRuns:
    """A prompt and another of as many tokens.

    Raises:
        ValueError: If they have unequal lengths, or are the same.
    """
    if len(clean) != len(corrupt):
        raise ValueError(
            f"clean has {len(clean)} tokens and corrupt {len(corrupt)}: values are exchanged position by position, so "
            "take two of equal length"
        )
    changed = [position for position, pair in enumerate(zip(clean, corrupt, strict=True)) if pair[0] != pair[1]]
    if not changed:
        raise ValueError("clean and corrupt are the same tokens: there is nothing to exchange")
    runs = [_run(passes, metric, sites, torch.tensor([ids])) for ids in (clean, corrupt)]
    return PatchingRuns(torch.tensor(clean), *runs, first_changed=changed[0])


def noised_runs(
    passes: ResumedPass,
    metric: AnswerMetric,
    sites: Sequence[Site],
    clean: Sequence[int],
    subject: Sequence[int],
    noise_SPD: Tensor,
) -> PatchingRuns:
    """A prompt, and the same with noise on the embeddings of its subject (causal tracing, Meng et al. 2022).

    Args:
        subject: Positions of the subject's tokens.
        noise_SPD: What is added there, seed by seed.
    """
    ids_SP, noise = torch.tensor([clean]).expand(len(noise_SPD), -1), noise_SPD
    with passes.host.intervene({Site("embed"): lambda x: x + noise.to(x)}, positions=subject):
        corrupt = _run(passes, metric, sites, ids_SP)
    runs = _run(passes, metric, sites, ids_SP[:1]).repeated(len(noise_SPD)), corrupt
    return PatchingRuns(torch.tensor(clean), *runs, first_changed=min(subject))


def embedding_noise(host: HookedModel, n_seeds: int, n_positions: int, multiple: float, seed: int) -> Tensor:
    """Gaussian noise (S, P, D) of some standard deviations of the token embeddings."""
    step = max(1, host.vocab_size // EMBEDDINGS)
    with torch.no_grad():
        embedded = host.module_map.embedding(torch.arange(0, host.vocab_size, step, device=host.device)).float()
    chance = torch.Generator().manual_seed(seed)
    return multiple * float(embedded.std()) * torch.randn(n_seeds, n_positions, embedded.shape[-1], generator=chance)


@torch.no_grad()
def _run(passes: ResumedPass, metric: AnswerMetric, sites: Sequence[Site], ids_SP: Tensor) -> Run:
    streams = [Site("resid_pre", layer) for layer in range(passes.host.n_layers)]
    wanted = list(dict.fromkeys([*streams, *sites]))
    with passes.host.capture([*wanted, FINAL]) as values:
        passes.host.forward(ids_SP)
    return Run({site: values[site] for site in wanted}, metric(passes.readout(values[FINAL][:, -1])))
