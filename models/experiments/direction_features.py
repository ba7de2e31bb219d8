"""Which features of a dictionary a direction of the stream is made of.

D model width, F features, R random directions, N features that are kept.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from models.experiments.feature_dictionary import FeatureDictionary

RANDOM_DIRECTIONS = 16
"""Whose cosines to features stand beside a direction's."""


def is_written_at(layer: int, dictionary: FeatureDictionary, n_layers: int) -> bool:
    """Whether the dictionary writes behind the block that a direction is of."""
    return dictionary.written.resolve(n_layers).layer == layer


def check_width(dictionary: FeatureDictionary | None, width: int) -> None:
    """Raises ValueError where a dictionary does not write into the stream."""
    if dictionary is not None and dictionary.sae.d_out != width:
        raise ValueError(
            f"{dictionary.recipe_id} writes {dictionary.written} of width {dictionary.sae.d_out:,}, "
            f"and the stream is {width:,} wide: name a recipe that writes into the stream"
        )


@torch.no_grad()
def feature_rows(vector_D: Tensor, dictionary: FeatureDictionary, n: int, seed: int) -> Iterator[dict[str, Any]]:
    """The features whose decoder directions are nearest to a direction or to its opposite, beside random ones."""
    decoder_FD = torch.nn.functional.normalize(dictionary.sae.W_dec.detach().float().cpu(), dim=-1)
    cosine_F = decoder_FD @ torch.nn.functional.normalize(vector_D, dim=0)
    drawn_RD = torch.randn(RANDOM_DIRECTIONS, len(vector_D), generator=torch.Generator().manual_seed(seed))
    random_RF = (torch.nn.functional.normalize(drawn_RD, dim=-1) @ decoder_FD.T).abs()
    n = min(n, len(cosine_F))
    random_N = random_RF.topk(n, dim=1).values.mean(0)
    for rank, feature in enumerate(cosine_F.abs().topk(n).indices.tolist()):
        yield {
            "rank": rank,
            "recipe_id": dictionary.recipe_id,
            "feature_id": feature,
            "cosine": float(cosine_F[feature]),
            "random_cosine": float(random_N[rank]),
        }
