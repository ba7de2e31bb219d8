"""What the model says of one fact's prompts, what it writes, and what ordinary text costs it. N prompts."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from models.experiments.edit_plan import Given
from models.experiments.edited_fact import EditedFact
from models.interventions.edited_completions import NO_EDITS, Decoding, EditedPrompt
from models.interventions.model_editing.edit_measures import mean_loss, next_token_probabilities, ngram_entropy


@dataclass(frozen=True, slots=True)
class PromptOutcome:
    """One prompt under one state of the weights."""

    prompt_id: int
    split: str
    true_probability: float
    new_probability: float
    likeliest_id: int

    @property
    def magnitude(self) -> float:
        """By how much the object that is wanted leads: the new one, of a neighbor the true one."""
        lead = self.new_probability - self.true_probability
        return -lead if self.split == "neighborhood" else lead

    @property
    def is_success(self) -> bool:
        return self.magnitude > 0


@dataclass(frozen=True, slots=True)
class EditOutcome:
    """One fact under one state of the weights."""

    fact: str
    condition: str
    prompts: Sequence[PromptOutcome]
    completion: str | None
    """Behind the rewritten prompt; None where nothing is written."""
    n_tokens: int
    ngram_entropy: float | None
    corpus_loss: float | None


def edit_outcome(given: Given, fact: EditedFact, condition: str, loss_texts: Sequence[tuple[int, ...]]) -> EditOutcome:
    """Measures the model as its weights are now."""
    settings, host = given.settings, given.host
    probability_NV = next_token_probabilities(host, [prompt.token_ids for prompt in fact.prompts])
    prompts = [
        PromptOutcome(
            prompt.prompt_id,
            str(prompt.prompt.label),
            float(probability_V[prompt.answer_id]),
            float(probability_V[prompt.foil_id]),
            int(probability_V.argmax()),
        )
        for prompt, probability_V in zip(fact.prompts, probability_NV, strict=True)
    ]
    loss = mean_loss(host, loss_texts, len(given.prefix)) if loss_texts else None
    if not settings.new_tokens:
        return EditOutcome(fact.name, condition, prompts, None, 0, None, loss)
    decoding = Decoding(settings.new_tokens, settings.temperature, given.seed + fact.rewrite.prompt_id)
    [written] = EditedPrompt(host, fact.rewrite.token_ids).completions(NO_EDITS, 1, decoding)
    text = host.tokenizer.decode(torch.tensor(written))
    return EditOutcome(fact.name, condition, prompts, text, len(written), ngram_entropy(written), loss)
