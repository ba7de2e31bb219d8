"""Weights between the features of a set of transcoders, averaged over the tokens of a prompt set."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from models.attribution.graphs.global_weights import CofiringSums, GlobalWeights, global_weights
from models.attribution.graphs.read_norms import ReadNorms
from models.attribution.graphs.transcoded_prompt import ModelTranscoders
from models.experiments.block_transcoders import check_block_transcoders, model_transcoders
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.global_weights import GlobalWeightsSettings
from models.language_model.hooked_model import HookedModel
from models.sparse.codes import SparseCodes

Given = ExperimentInput[GlobalWeightsSettings]
TOKENS = 8_192
"""Read together before they are added up."""


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    model, n = model_transcoders(given.dictionaries), given.settings.strongest
    norms = ReadNorms.of(given.host, model.read)
    pieces = (CofiringSums.of(*read) for read in _read(given.host, model, norms, prompts))
    sums = next(pieces)
    for piece in pieces:
        sums = sums + piece
    recipe_of = {int(each.written.layer or 0): each.recipe_id for each in given.dictionaries}
    return {"global_weight": list(_rows(global_weights(model.transcoders, norms, sums, n), n, recipe_of))}


Coded = tuple[dict[int, SparseCodes], dict[int, torch.Tensor]]
"""Codes of some tokens, and the scales of norms there, by block."""


@torch.no_grad()
def _read(
    host: HookedModel, model: ModelTranscoders, norms: ReadNorms, prompts: Sequence[EncodedPrompt]
) -> Iterator[Coded]:
    """What the encoders read behind each prompt's special tokens, coded."""
    held: list[tuple[dict[int, torch.Tensor], dict[int, torch.Tensor]]] = []
    for number, prompt in enumerate(prompts, 1):
        token_ids_1P, text = torch.tensor([prompt.token_ids]), slice(prompt.n_special, None)
        with host.capture(list(model.read.values())) as values:
            host.forward(token_ids_1P)
        scales = norms.scales(host, token_ids_1P)
        held.append(
            (
                {layer: values[site][0, text] for layer, site in model.read.items()},
                {layer: scale_P[text] for layer, scale_P in scales.items()},
            )
        )
        n_tokens = sum(len(next(iter(read.values()))) for read, _ in held)
        if n_tokens >= TOKENS or number == len(prompts):
            read = {layer: torch.cat([of[layer] for of, _ in held]) for layer in model.layers}
            codes = {layer: model.transcoders.encode(layer, x_TD) for layer, x_TD in read.items()}
            yield codes, {layer: torch.cat([of[layer] for _, of in held]) for layer in model.layers}
            held = []


def _rows(pairs: GlobalWeights, n: int, recipe_of: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    source_place_M, target_place_M = pairs.source_places().tolist(), pairs.target_places().tolist()
    columns = [column.tolist() for column in pairs]
    for source_layer, source, target_layer, target, weight, expected, share, count, upstream, downstream in zip(
        *columns, source_place_M, target_place_M, strict=True
    ):
        yield {
            "source_recipe_id": recipe_of[source_layer],
            "source_feature_id": source,
            "target_recipe_id": recipe_of[target_layer],
            "target_feature_id": target,
            "virtual_weight": weight,
            "expected_weight": expected,
            "share": share,
            "n_together": count,
            "source_place": upstream if upstream < n else None,
            "target_place": downstream if downstream < n else None,
        }


def _check(given: Given) -> None:
    check_block_transcoders(given.dictionaries)
    if len(given.dictionaries) < 2:
        raise ValueError(
            f"{given.dictionaries[0].recipe_id} alone was named: a weight is between features of two blocks, name the "
            "transcoders of several"
        )
    if not any(len(prompt.token_ids) > prompt.n_special for prompt in given.prompts):
        raise ValueError(
            "no prompt has a token behind the special ones, and weights are averaged over tokens: add text"
        )


def _passes(given: Given) -> PassCount:
    """One that is read and one for the norms, of each prompt and of the probe."""
    return PassCount(2 * (len(given.prompts) + 1))


METHOD = ExperimentMethod(settings=GlobalWeightsSettings, measure=_measure, passes=_passes, check=_check)
