"""Generation under steering edits against plain generation of the same model and tokens, in one process; aim 1.05.

`add` reads no feature. `clamp` reads the features that it sets: of thresholds these alone, of TopK the others too, more
and more of them as long as the feature may be among the k largest. That is asked where its pre-activation is positive:
at 3 % of the tokens of a trained dictionary, at half of them where directions are random. `clamp by all codes` encodes
every token, as one does who has only `encode`. `python -m benchmarks.steered_generation MODEL` takes another model.
Seconds are of one thread's processor time, so that what else the machine does counts little.
"""

import sys
import time

import torch
from torch import Tensor

from benchmarks.side_by_side import medians, table
from models.dictionaries.architectures.jumprelu import JumpReLUSAE
from models.dictionaries.architectures.topk import TopKSAE
from models.dictionaries.base import SparseDictionary
from models.interventions.edited_completions import NO_EDITS, Decoding, EditedPrompt, Edits
from models.interventions.steering import EditKind, FeatureEdit, steering_edits
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.sparse.threshold_select import threshold_for_l0

ROWS, NEW_TOKENS, EXPANSION, K, ROUNDS, CALIBRATION = 16, 24, 16, 32, 7, 192
POSITIVE = 0.03
"""Share of positive pre-activations, as the shipped `mid-topk` has it."""


class CodedWhole(TopKSAE):
    """The same codes, each token's all made."""

    feature_activations = SparseDictionary.feature_activations


def main(source: str = "models/demo") -> None:
    torch.set_num_threads(1)
    host = HookedModel.load(source, device="cpu")
    host.model.generation_config.eos_token_id = None  # so that all ways write as many tokens
    site = Site("resid_post", host.n_layers // 2)
    prompt = EditedPrompt(host, tuple(host.tokenizer("def load(path):\n    return ")["input_ids"]))
    [text] = prompt.completions(NO_EDITS, 1, Decoding(CALIBRATION))
    random, x_TD = random_dictionary(host.width(site)), _stream(host, site, (*prompt.token_ids, *text))
    trained = random | {"b_enc": _bias_of_share(x_TD, random, POSITIVE)}
    threshold_F = torch.full_like(random["b_enc"], threshold_for_l0(x_TD, random["W_dec"], random["b_enc"], K))

    def clamp(sae: SparseDictionary, kind: EditKind = "clamp") -> Edits:
        return steering_edits(sae, site, site, [[FeatureEdit(row, kind, 0.1)] for row in range(ROWS)])

    ways = {
        "plain": NO_EDITS,
        "add": clamp(TopKSAE(random, {"k": K}), "add"),
        "clamp of jumprelu": clamp(JumpReLUSAE(random | {"threshold": threshold_F}, {"k": K})),
        "clamp of topk": clamp(TopKSAE(trained, {"k": K})),
        "clamp of topk, random directions": clamp(TopKSAE(random, {"k": K})),
        "clamp by all codes": clamp(CodedWhole(trained, {"k": K})),
    }
    runs = {
        name: lambda edits=edits: prompt.completions(edits, ROWS, Decoding(NEW_TOKENS)) for name, edits in ways.items()
    }
    print(f"{source}: {len(threshold_F):,} features of {site}, {ROWS} rows")
    table(medians(runs, ROUNDS, clock=time.process_time), "plain", ROWS * NEW_TOKENS, "tokens")


def random_dictionary(width: int) -> dict[str, Tensor]:
    chance = torch.Generator().manual_seed(0)
    W_dec = torch.nn.functional.normalize(torch.randn(EXPANSION * width, width, generator=chance), dim=1)
    return {"W_enc": W_dec.T, "W_dec": W_dec, "b_enc": torch.zeros(len(W_dec)), "b_dec": torch.zeros(width)}


def _stream(host: HookedModel, site: Site, token_ids: tuple[int, ...]) -> Tensor:
    with host.capture([site]) as found:
        host.forward(torch.tensor([token_ids]))
    return found[site][0]


def _bias_of_share(x_TD: Tensor, tensors: dict[str, Tensor], share: float) -> Tensor:
    """A bias of each feature under which its pre-activation is positive at this share of the tokens."""
    return -torch.quantile(x_TD @ tensors["W_enc"], 1 - share, dim=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
