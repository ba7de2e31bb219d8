"""One number of what a model says next: how much it prefers an answer. B rows, V vocabulary."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

MetricName = Literal["logit_difference", "probability", "log_probability"]


@dataclass(frozen=True, slots=True)
class AnswerMetric:
    """The answer's logit less the foil's, or the answer's probability or its logarithm."""

    name: MetricName
    answer_id: int
    foil_id: int | None = None

    def __post_init__(self) -> None:
        if self.name == "logit_difference" and self.foil_id is None:
            raise ValueError(
                "a logit difference wants a foil beside the answer: give the prompt one, or measure `probability`"
            )

    def __call__(self, logits_BV: Tensor) -> Tensor:
        """(B,) in float32, or wider where the logits are."""
        wide_BV = logits_BV if logits_BV.dtype == torch.float64 else logits_BV.float()
        if self.name == "logit_difference":
            return wide_BV[:, self.answer_id] - wide_BV[:, self.foil_id]
        log_B = wide_BV.log_softmax(-1)[:, self.answer_id]
        return log_B if self.name == "log_probability" else log_B.exp()
