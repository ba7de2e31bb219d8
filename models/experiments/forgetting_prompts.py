"""Prompts with a right answer, read once, and asked again with features of a dictionary set below 0.

x' = x + sum over chosen features that fire of (v max_j - f_j) W_dec[j], v below 0; what the dictionary leaves out
stays, and so do special tokens before a text.

N prompts, T their tokens one prompt after the other, P positions of one, D width, F features, K chosen ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from models.evaluation.unlearning import Outcome
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.resumed_prompts import ResumedPrompts
from models.language_model.hooked_model import HookedModel
from models.probes.codes_by_feature import CodesByFeature

BATCH = 32


@dataclass(frozen=True, eq=False)
class ForgettingPrompts:
    """Prompts, and where features fire on them."""

    prompts: ResumedPrompts
    dictionary: FeatureDictionary
    codes: CodesByFeature
    """Of all tokens but special ones."""
    first_N: np.ndarray
    """Special tokens of each prompt."""
    start_N: np.ndarray
    """Its first token among those of `codes`."""
    answer_N: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, host: HookedModel, dictionary: FeatureDictionary, prompts: Sequence[EncodedPrompt]) -> Self:
        read = ResumedPrompts.of(host, dictionary.site, prompts)
        first_N = np.array([prompt.n_special for prompt in prompts])
        codes = [dictionary.sae.encode(x[n:].float()) for x, n in zip(read.values, first_N.tolist(), strict=True)]
        start_N = np.cumsum([0, *(len(each.acts_TK) for each in codes)])[:-1]
        answers = torch.tensor([-1 if prompt.answer_id is None else prompt.answer_id for prompt in prompts])
        return cls(read, dictionary, CodesByFeature.of(codes), first_N, start_N, answers)

    def tokens(self, row: int) -> range:
        """Those of one prompt, special ones left out, among those of `codes`."""
        n = len(self.prompts.token_ids[row]) - int(self.first_N[row])
        return range(int(self.start_N[row]), int(self.start_N[row]) + n)

    def rates(self, rows: np.ndarray) -> np.ndarray:
        """Share of the tokens of some prompts on which each feature fires. (F,)"""
        places = torch.tensor([token for row in rows.tolist() for token in self.tokens(row)], dtype=torch.int64)
        some = self.codes.at(places)
        return torch.bincount(some.features_M, minlength=some.n_features).numpy() / max(len(places), 1)

    @torch.no_grad()
    def edited(self, features: Sequence[int], value: float, rows: np.ndarray | None = None) -> Outcome:
        """What the model says with features at so many times their largest activation wherever they fire, of some
        prompts in their order; of all where None is given."""
        chosen_K = torch.tensor(list(features), dtype=torch.int64)
        acts_TK = self.codes.columns(chosen_K)
        wanted_K = value * torch.from_numpy(self.dictionary.max_activation_F)[chosen_K].to(acts_TK)
        change_TK = torch.where(acts_TK > 0, wanted_K - acts_TK, 0)
        W_dec_KD = self.dictionary.sae.W_dec.detach().float()[chosen_K]
        n = len(self.answer_N)
        right_N, loss_N = np.zeros(n, bool), np.zeros(n)
        asked = torch.arange(n) if rows is None else torch.from_numpy(rows)
        for rows_B in self.prompts.batches(asked, BATCH):

            def put(x_BPD: Tensor, places_B: Tensor, rows_B: Tensor = rows_B) -> Tensor:
                x_BPD = x_BPD.clone()
                for place, row in enumerate(rows_B[places_B].tolist()):
                    tokens = self.tokens(row)
                    change_PD = change_TK[tokens.start : tokens.stop] @ W_dec_KD
                    x_BPD[place, self.first_N[row] :] += change_PD.to(x_BPD)
                return x_BPD

            log_BV = self.prompts.logits(rows_B, put).float().log_softmax(-1)
            answer_B = self.answer_N[rows_B]
            right_N[rows_B.numpy()] = (log_BV.argmax(-1) == answer_B).numpy()
            loss_N[rows_B.numpy()] = -log_BV.gather(1, answer_B[:, None])[:, 0].numpy()
        return Outcome(right_N[asked.numpy()], loss_N[asked.numpy()])
