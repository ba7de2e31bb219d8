"""What a model writes after a prompt under several edits at once, and how likely it and the plain model find it.

Each row of a batch is the same prompt under other edits: nothing is padded before a prompt, and a prompt's rows do not
depend on which prompts are asked beside it.

B rows, P positions, N tokens of a continuation, V vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig

from models.language_model.forward_pass import Tokens
from models.language_model.hooked_model import HookedModel
from models.language_model.site_edit import Edit
from models.language_model.sites import Site

Edits = Mapping[Site, Edit]
NO_EDITS: Edits = {}


class InvalidStrength(ValueError):
    """An edit is so strong that the model's numbers overflow. The message says what to do."""

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row
        """Row of the batch."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a text is continued."""

    n_tokens: int
    """Tokens that are added at most; fewer where the model ends the text."""
    temperature: float = 0.0
    """0: the likeliest token each time."""
    seed: int = 0
    uses_cache: bool = True

    def config(self, model: Any) -> GenerationConfig:
        """Nothing but the temperature shapes what is drawn: no top-k, no top-p, no penalty of the model's own."""
        end = model.generation_config.eos_token_id
        padding = end[0] if isinstance(end, list) else end
        drawn = {"do_sample": True, "temperature": self.temperature, "top_k": 0, "top_p": 1.0}
        return GenerationConfig(
            max_new_tokens=self.n_tokens,
            eos_token_id=end,
            pad_token_id=0 if padding is None else padding,
            use_cache=self.uses_cache,
            repetition_penalty=1.0,
            **(drawn if self.temperature else {"do_sample": False}),
        )


@dataclass(frozen=True, slots=True)
class EditedPrompt:
    """One prompt and the part of it and of its continuation that edits reach."""

    host: HookedModel
    token_ids: tuple[int, ...]
    n_special: int = 0
    """Special tokens before the text. They are never edited: a dictionary does not read them."""
    tokens: Tokens = "all"

    def positions(self, n_new: int) -> range | None:
        """Positions that edits reach, of the prompt and as many tokens behind it; None for all."""
        n_prompt, n_all = len(self.token_ids), len(self.token_ids) + n_new
        if self.tokens == "all" and not self.n_special:
            return None
        start = n_prompt if self.tokens == "generated" else self.n_special
        return range(start, n_prompt if self.tokens == "prompt" else n_all)

    @torch.no_grad()
    def completions(self, edits: Edits, n_rows: int, decoding: Decoding) -> list[tuple[int, ...]]:
        """What each row adds to the prompt, up to the token that ends a text, which is kept."""
        config = decoding.config(self.host.model)
        ids_BP = torch.tensor([self.token_ids]).expand(n_rows, -1).contiguous().to(self.host.device)
        with torch.random.fork_rng(), self.host.intervene(edits, self.positions(decoding.n_tokens)):
            torch.manual_seed(decoding.seed)
            written_BP = self.host.generate(ids_BP, generation_config=config)
        ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
        return [_ended(row, ends) for row in written_BP[:, len(self.token_ids) :].tolist()]

    @torch.no_grad()
    def log_probabilities(self, edits: Edits, continuations: Sequence[Sequence[int]]) -> Tensor:
        """Log-probabilities of the next token at each place of one continuation for each row (B, N, V).

        Where continuations are of unequal length, what stands behind the end of a shorter one means nothing.

        Raises:
            InvalidStrength: If one of them is not a number.
        """
        longest, n_prompt = max(len(one) for one in continuations), len(self.token_ids)
        rows = [[*self.token_ids, *one, *([0] * (longest - len(one)))] for one in continuations]
        with self.host.intervene(edits, self.positions(longest)):
            logits_BPV = self.host.forward(torch.tensor(rows))
        assert logits_BPV is not None, "methods refuse an encoder before any pass"
        found_BNV = logits_BPV[:, n_prompt - 1 : -1].float().log_softmax(-1)
        if (unusable_B := found_BNV.isnan().flatten(1).any(1)).any():
            raise InvalidStrength(
                int(unusable_B.int().argmax()),
                f"{self.host.architecture} in {logits_BPV.dtype} gives logits that are not numbers under this edit: "
                "take smaller strengths, or compute in float32",
            )
        return found_BNV


def _ended(row: Sequence[int], ends: Sequence[int | None]) -> tuple[int, ...]:
    end = next((place + 1 for place, token in enumerate(row) if token in ends), len(row))
    return tuple(row[:end])


def log_probability_of_tokens(log_probabilities_NV: Tensor, token_ids: Sequence[int]) -> float:
    """Logarithm of the probability that the next token is one of some, mean over the places [nats]."""
    ids = torch.tensor(token_ids, device=log_probabilities_NV.device)
    return float(log_probabilities_NV[:, ids].logsumexp(-1).double().mean())


def surprise(log_probabilities_NV: Tensor, continuation: Sequence[int]) -> float:
    """Mean negative log-likelihood of a text [nats per token]."""
    ids_N1 = torch.tensor(continuation, device=log_probabilities_NV.device)[:, None]
    return float(-log_probabilities_NV[: len(continuation)].gather(1, ids_N1).double().mean())


def mean_kl(from_NV: Tensor, to_NV: Tensor) -> float:
    """Σ p_from (log p_from − log p_to), mean over the places [nats]."""
    return float((from_NV.exp() * (from_NV - to_NV)).sum(-1).double().mean().clamp(min=0))


def repetition(token_ids: Sequence[int], n: int = 3) -> float:
    """Share of a text's n-grams that stood in it before; 0 where it is shorter than n."""
    grams = list(zip(*(token_ids[i:] for i in range(n)), strict=False))
    return 1 - len(set(grams)) / len(grams) if grams else 0.0
