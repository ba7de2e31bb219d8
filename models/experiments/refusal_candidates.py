"""Candidates for a refusal direction: differences of means at each block and token, and how each does.

N prompts, P positions, D model width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.corpora.text_tokens import text_token_ids
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.refusal_prompts import Given, RefusalPrompts
from models.interventions.contrast_directions import mean_difference, shuffled_labels
from models.interventions.edited_completions import mean_kl
from models.interventions.refusal_interventions import intervened, next_log_probabilities, refusal_scores
from models.language_model.sites import Site


@dataclass(frozen=True, slots=True)
class RefusalCandidate:
    """The difference of means at one token behind one block, and how it does on the prompts that choose."""

    layer: int
    position: int
    vector_D: Tensor
    shuffled_D: Tensor
    stream_norm: float
    refusal_score: float
    """Mean over refused instructions, with the direction taken out."""
    steering_score: float
    """Mean over the others, with the direction added."""
    kl: float
    """By how much taking it out moves the prediction behind the others [nats]."""

    @property
    def site(self) -> Site:
        return Site("resid_post", self.layer)

    def may_be_chosen(self, given: Given) -> bool:
        settings = given.settings
        is_early = self.layer < settings.layer_share * given.host.n_layers
        return is_early and self.steering_score > 0 and self.kl < settings.most_kl


def candidate_layers(given: Given) -> Sequence[int]:
    """Blocks behind which candidates are read; raises ValueError where the model lacks one."""
    asked, n_layers = given.settings.layers, given.host.n_layers
    if beyond := [layer for layer in asked or () if layer >= n_layers]:
        raise ValueError(f"layers {beyond} of a model with blocks 0 to {n_layers - 1}: name some of these")
    below = range(max(1, -int(-given.settings.layer_share * n_layers // 1)))
    return asked if asked is not None else below


def refusal_tokens(given: Given) -> list[int]:
    """Tokens with which a refusal begins; raises InvalidPrompt where a text is not one token."""
    tokenizer, found = given.host.tokenizer, []
    for text in given.settings.refusal_tokens:
        ids = text_token_ids(tokenizer, [text])[0]
        if len(ids) != 1:
            spelled = " ".join(f"[{tokenizer.decode([token])}]" for token in ids)
            raise InvalidPrompt(f"refusal_tokens: {text!r} is not one token ({spelled}): name its first")
        found += ids
    return found


@torch.no_grad()
def _end_of_stream(given: Given, prompts: Sequence[EncodedPrompt], positions: Sequence[int]) -> Tensor:
    """The stream behind each block at the last positions (layers, N, positions, D)."""
    sites, found = [Site("resid_post", layer) for layer in candidate_layers(given)], []
    with given.host.capture(sites) as stream:
        for prompt in prompts:
            given.host.forward(torch.tensor([prompt.token_ids]))
            found.append(torch.stack([stream[site][0, list(positions)].float().cpu() for site in sites]))
    return torch.stack(found, 1)


def candidates(given: Given, prompts: RefusalPrompts) -> Iterator[RefusalCandidate]:
    """Every block and position at which the two kinds of instructions differ on average."""
    refused_LNPD, other_LNPD = (
        _end_of_stream(given, side, prompts.positions) for side in (prompts.train.refused, prompts.train.other)
    )
    refused, other = ([p.token_ids for p in side] for side in (prompts.validation.refused, prompts.validation.other))
    tokens, plain_NV = refusal_tokens(given), next_log_probabilities(given.host, other)
    for place, layer in enumerate(candidate_layers(given)):
        for at, position in enumerate(prompts.positions):
            sides = refused_LNPD[place, :, at], other_LNPD[place, :, at]
            vector_D, site = mean_difference(*sides), Site("resid_post", layer)
            shuffled_D = mean_difference(*shuffled_labels(*sides, given.seed))
            norm = float(torch.cat(sides).norm(dim=-1).mean())
            if not float(vector_D.norm()):
                continue  # nothing before this token tells the instructions apart
            with intervened(given.host, "ablate", site, vector_D):
                without_NV, others_NV = (next_log_probabilities(given.host, side) for side in (refused, other))
            with intervened(given.host, "add", site, vector_D):
                with_NV = next_log_probabilities(given.host, other)
            refusal, steering = (float(refusal_scores(log_NV, tokens).mean()) for log_NV in (without_NV, with_NV))
            kl = mean_kl(plain_NV, others_NV)
            yield RefusalCandidate(layer, position, vector_D, shuffled_D, norm, refusal, steering, kl)
