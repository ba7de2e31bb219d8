"""What a dictionary and the activation itself say of each text of a set, its tokens pooled into one row.

N texts, D width, F features, P positions, M entries.
"""

from collections.abc import Sequence
from typing import Literal, TypeVar

import torch
from torch import Tensor

from models.evaluation.concept_probing import PooledTexts
from models.experiments.kept_results import pieces
from models.experiments.labelled_texts import LabelledTexts
from models.experiments.method import ExperimentInput
from models.experiments.text_set_settings import TextSetSettings
from models.probes.codes_by_feature import CodesByFeature
from models.sparse.codes import SparseCodes

Pool = Literal["mean", "max", "last"]
S = TypeVar("S", bound=TextSetSettings)


def pooled_texts(given: ExperimentInput[S], texts: LabelledTexts) -> PooledTexts:
    """Reads every text once; some texts at a time are kept, so that a killed run goes on."""
    settings = given.settings
    positions, n = texts.read_positions(given.prompts, settings.skip_tokens), len(given.prompts)
    parts = [
        given.kept.result(
            f"pooled {settings.pool} {piece}", lambda at=at: _read(given, range(*at.indices(n)), positions)
        )
        for piece, at in pieces(n)
    ]
    text_M, feature_M, act_M, x_ND = (
        torch.cat([part[name] for part in parts]) for name in ("text", "feature", "act", "x")
    )
    codes = CodesByFeature.of_entries(text_M, feature_M, act_M, given.features.n_features, len(given.prompts))
    return PooledTexts(x_ND, codes)


@torch.no_grad()
def _read(given: ExperimentInput[S], places: range, positions: Sequence[range]) -> dict[str, Tensor]:
    host, dictionary, pool = given.host, given.features, given.settings.pool
    rows: dict[str, list[Tensor]] = {"text": [], "feature": [], "act": [], "x": []}
    for place in places:
        read = positions[place]
        with host.capture([dictionary.site]) as found:
            host.forward(torch.tensor([given.prompts[place].token_ids[: read.stop]]))
        x_PD = found[dictionary.site][0, read.start : read.stop].float()
        feature_M, act_M = pooled_codes(dictionary.sae.encode(x_PD), pool)
        rows["text"].append(torch.full((len(feature_M),), place))
        rows["feature"].append(feature_M.cpu())
        rows["act"].append(act_M.cpu())
        rows["x"].append(_pooled(x_PD, pool).cpu()[None])
    return {name: torch.cat(each) for name, each in rows.items()}


def pooled_codes(codes: SparseCodes, pool: Pool) -> tuple[Tensor, Tensor]:
    """Features that fire somewhere in a text, ascending, and their pooled activations."""
    position_M, feature_M, act_M = codes.fired()
    if pool == "last":
        last_M = position_M == len(codes.acts_TK) - 1
        feature_M, act_M = feature_M[last_M], act_M[last_M]
    features, inverse_M = feature_M.unique(return_inverse=True)
    pooled = act_M.new_zeros(len(features))
    if pool == "max":
        return features, pooled.scatter_reduce(0, inverse_M, act_M, "amax", include_self=False)
    return features, pooled.index_add(0, inverse_M, act_M) / (len(codes.acts_TK) if pool == "mean" else 1)


def _pooled(x_PD: Tensor, pool: Pool) -> Tensor:
    if pool == "max":
        return x_PD.amax(0)
    return x_PD.mean(0) if pool == "mean" else x_PD[-1]
