"""Prompts that ask attributes of entities, as interchange interventions read and edit them.

N prompts, B rows of a batch, P positions, D width, F features, V answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.resumed_prompts import ResumedPrompts
from models.interventions.attribute_interchange import EntityPrompts
from models.language_model.hooked_model import HookedModel


@dataclass(frozen=True, eq=False)
class EntityAnswers:
    """Logits of all answers of a set, behind prompts whose entity's last token is given another activation."""

    prompts: ResumedPrompts
    places_N: Tensor
    """Where each prompt's entity ends."""
    answer_ids_V: Tensor

    def __call__(self, x_BD: Tensor, rows_B: Tensor) -> Tensor:
        def put(x_BPD: Tensor, places_B: Tensor) -> Tensor:
            x_BPD = x_BPD.clone()
            x_BPD[torch.arange(len(places_B)), self.places_N[rows_B[places_B]]] = x_BD[places_B].to(x_BPD)
            return x_BPD

        return self.prompts.logits(rows_B, put).float()[:, self.answer_ids_V]


@torch.no_grad()
def entity_prompts(
    host: HookedModel, dictionary: FeatureDictionary, prompts: Sequence[EncodedPrompt], attributes: Sequence[str]
) -> EntityPrompts:
    """Every prompt read once; features that fire on no entity are left out."""
    ids = [prompt.answer_id for prompt in prompts if prompt.answer_id is not None]
    assert len(ids) == len(prompts), "the method asks for answers"
    answers, answer_N = np.unique(ids, return_inverse=True)
    read, places_N = ResumedPrompts.of(host, dictionary.site, prompts), [each.subject_positions[-1] for each in prompts]
    x_ND, sae = torch.stack([x[at] for x, at in zip(read.values, places_N, strict=True)]).float(), dictionary.sae
    codes = sae.encode(x_ND)
    dense_NF = codes.dense().float().cpu()
    live = torch.nonzero((dense_NF != 0).any(0))[:, 0]
    entities = [str(prompt.prompt.subject).strip() for prompt in prompts]
    return EntityPrompts(
        x_ND.cpu(),
        dense_NF[:, live],
        live.numpy(),
        sae.W_dec.detach().float().cpu()[live],
        (x_ND - sae.decode(codes).float()).cpu(),
        np.unique(entities, return_inverse=True)[1],
        np.array([attributes.index(str(prompt.prompt.label)) for prompt in prompts]),
        torch.from_numpy(answer_N),
        EntityAnswers(read, torch.tensor(places_N), torch.from_numpy(answers)),
    )
