"""One prompt of a steering experiment: what is written under every condition, and how it compares with the plain text.

B conditions of a batch, N tokens of a continuation, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from models.corpora.text_tokens import chat_token_ids, text_token_ids
from models.experiments.method import ExperimentInput
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.steering import SteeringSettings
from models.experiments.steering_effects import steering_score
from models.experiments.steering_plan import Condition, SteeringPlan
from models.interventions.edited_completions import (
    NO_EDITS,
    Decoding,
    EditedPrompt,
    InvalidStrength,
    log_probability_of_tokens,
    mean_kl,
    repetition,
    surprise,
)
from models.interventions.steering import FeatureEdit, steering_edits

Given = ExperimentInput[SteeringSettings]
LOGITS = 2**25
"""Logits that are held at once: a batch has as many rows as they allow."""
MOST_ROWS = 64


@dataclass(frozen=True, slots=True)
class SteeredPrompt:
    """One prompt under every condition."""

    given: Given
    plan: SteeringPlan
    prompt: EncodedPrompt

    @property
    def _decoding(self) -> Decoding:
        settings, seed = self.given.settings, self.given.seed * 1_000_003 + self.prompt.prompt_id
        return Decoding(settings.new_tokens, settings.temperature, seed)

    @property
    def _plain(self) -> EditedPrompt:
        """The prompt; of a contrast pair the one without the property."""
        ids = self.prompt.corrupt_ids or self.prompt.token_ids
        return EditedPrompt(self.given.host, ids, self.prompt.n_special, self.given.settings.tokens)

    def rows(self) -> Iterator[dict[str, Any]]:
        [unsteered] = self._plain.completions(NO_EDITS, 1, self._decoding)
        [unsteered_NV] = self._plain.log_probabilities(NO_EDITS, [unsteered])
        edited = [condition for condition in self.plan.conditions if condition.edit is not None]
        size = _rows_together(self.given, self._plain)
        for first in range(0, len(edited), size):
            conditions = edited[first : first + size]
            steered_BNV, texts = self._under_edits(conditions, unsteered)
            yield from self._batch_rows(conditions, steered_BNV, texts, unsteered, unsteered_NV)
        for condition in self.plan.conditions:
            if condition.edit is None:
                prompted = self._prompted(self.plan.concepts[condition.feature].text)
                texts = prompted.completions(NO_EDITS, 1, self._decoding)
                steered_BNV = prompted.log_probabilities(NO_EDITS, [unsteered])
                yield from self._batch_rows([condition], steered_BNV, texts, unsteered, unsteered_NV)

    def _under_edits(
        self, conditions: Sequence[Condition], unsteered: tuple[int, ...]
    ) -> tuple[Tensor, list[tuple[int, ...]]]:
        """What follows each token of the unsteered text under each condition, and what is written instead of it."""
        dictionary, n = self.given.features, len(conditions)
        edits = [[condition.edit] if condition.edit else list[FeatureEdit]() for condition in conditions]
        change = steering_edits(dictionary.sae, dictionary.site, dictionary.written, edits)
        try:
            steered_BNV = self._plain.log_probabilities(change, [unsteered] * n)
        except InvalidStrength as error:
            bad = conditions[error.row]
            raise InvalidStrength(error.row, f"feature {bad.feature} at strength {bad.strength:g}: {error}") from error
        return steered_BNV, self._plain.completions(change, n, self._decoding)

    def _prompted(self, concept: str) -> EditedPrompt:
        """The prompt with the concept before it: in the last message of a conversation, else in front of the text."""
        plain, tokenizer = self._plain, self.given.host.tokenizer
        messages = self.prompt.prompt.messages
        if messages is not None:
            last = messages[-1]
            told = [*messages[:-1], {**last, "content": f"{concept}\n{last['content']}"}]
            return replace(plain, token_ids=tuple(chat_token_ids(tokenizer, told, add_generation_prompt=True)))
        said = text_token_ids(tokenizer, [f"{concept}\n"])[0]
        special, text = plain.token_ids[: plain.n_special], plain.token_ids[plain.n_special :]
        return replace(plain, token_ids=(*special, *said, *text))

    def _batch_rows(
        self,
        conditions: Sequence[Condition],
        steered_BNV: Tensor,
        texts: Sequence[tuple[int, ...]],
        unsteered: tuple[int, ...],
        unsteered_NV: Tensor,
    ) -> Iterator[dict[str, Any]]:
        judged_BNV = self._plain.log_probabilities(NO_EDITS, texts)
        for condition, steered_NV, judged_NV, text in zip(conditions, steered_BNV, judged_BNV, texts, strict=True):
            target = self.plan.concepts[condition.feature].token_ids
            here, plain = (
                {
                    "target_log_probability": log_probability_of_tokens(read_NV, target),
                    "surprise": surprise(written_NV, ids),
                    "repetition": repetition(ids),
                }
                for read_NV, written_NV, ids in ((steered_NV, judged_NV, text), (unsteered_NV, unsteered_NV, unsteered))
            )
            measures = here | {f"unsteered_{name}": value for name, value in plain.items()}
            yield (
                self._keys(condition, text, unsteered)
                | measures
                | {"kl": mean_kl(unsteered_NV, steered_NV), "steering_score": steering_score(here, plain)}
            )

    def _keys(self, condition: Condition, text: tuple[int, ...], unsteered: tuple[int, ...]) -> dict[str, Any]:
        decode = self.given.host.tokenizer.decode
        return {
            "recipe_id": self.given.features.recipe_id,
            "feature_id": condition.feature,
            "condition": condition.name,
            "strength": condition.strength,
            "prompt_id": self.prompt.prompt_id,
            "split": "selection" if self.prompt.prompt_id in self.plan.selecting else "report",
            "kind": self.given.settings.kind if condition.edit else "none",
            "value": condition.edit.value if condition.edit else 0.0,
            "residual_share": condition.residual_share,
            "random_feature_id": condition.other_feature,
            "completion": decode(list(text)),
            "unsteered_completion": decode(list(unsteered)),
            "n_tokens": len(text),
        }


def _rows_together(given: Given, prompt: EditedPrompt) -> int:
    longest = len(prompt.token_ids) + given.settings.new_tokens
    return max(1, min(MOST_ROWS, LOGITS // (longest * given.host.vocab_size)))
