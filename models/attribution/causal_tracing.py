"""Causal tracing of MLPs: which block's MLP at one token brings back an answer that noise on the subject took away.

Meng et al. 2022, Locating and Editing Factual Associations in GPT: the place that an edit should go to. L blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from models.attribution.activation_patching import PatchingSweep, patching_effects
from models.attribution.answer_metric import AnswerMetric
from models.attribution.patch import Patch
from models.attribution.patching_runs import embedding_noise, noised_runs
from models.attribution.resumed_pass import ResumedPass
from models.language_model.sites import Site


@dataclass(frozen=True, slots=True)
class TraceNoise:
    """How the subject is corrupted, and how many blocks are put right together."""

    n_seeds: int
    multiple: float
    """In standard deviations of the token embeddings."""
    window: int


@dataclass(frozen=True, slots=True, eq=False)
class TracedLayers:
    """What a clean MLP output at one position does to the answer's probability in the noised run."""

    position: int
    effect_L: Tensor
    """By the middle block of the window [probability]."""
    clean: float
    corrupt: float

    @property
    def strongest(self) -> int:
        """The block of the largest effect."""
        return int(self.effect_L.argmax())

    @property
    def weakest(self) -> int:
        """The block of the smallest effect; never the last, whose output at an earlier position nothing reads."""
        return int(self.effect_L[:-1].argmin()) if len(self.effect_L) > 1 else 0


def traced_layers(
    passes: ResumedPass,
    token_ids: Sequence[int],
    answer_id: int,
    subject: Sequence[int],
    position: int,
    noise: TraceNoise,
    seed: int = 0,
) -> TracedLayers:
    """Traces every block at one position of a prompt.

    Args:
        subject: Positions whose embeddings are noised.
        position: Where clean values are put back.
    """
    host, metric = passes.host, AnswerMetric("probability", answer_id)
    sites = [Site("mlp_out", layer) for layer in range(host.n_layers)]
    noise_SPD = embedding_noise(host, noise.n_seeds, len(token_ids), noise.multiple, seed)
    runs = noised_runs(passes, metric, sites, token_ids, subject, noise_SPD)
    sweep = PatchingSweep(passes, metric, runs.token_ids_P, *runs.between("denoising"), [])
    patches = [Patch("mlp_out", layer, position, window=noise.window) for layer in range(host.n_layers)]
    return TracedLayers(position, patching_effects(sweep, patches), runs.clean.metric, runs.corrupt.metric)
