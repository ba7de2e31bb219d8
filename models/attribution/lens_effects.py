"""Which tokens a feature disposes the model to say, now or later: its direction through a Jacobian lens to the logits.

Where the direct effect takes a direction past all later blocks, this one takes it through them, as they act on average.
B features of a tile, D width, V vocabulary, N kept tokens.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from models.attribution.stream_lens import StreamLens
from models.language_model.sites import Site
from models.language_model.unembedding import Unembedding
from models.numerics.stable_topk import stable_topk

TILE = 2**22
"""Effects held at once."""


def lens_layer(site: Site) -> int | None:
    """The layer of the stream that a direction written at a site is added to; None where no lens is fitted there."""
    if site.layer is None:
        return None
    return {"resid_pre": site.layer - 1, "resid_post": site.layer, "mlp_out": site.layer}.get(site.kind)


@torch.no_grad()
def lens_effects(
    W_dec_FD: Tensor, layer: int, lens: StreamLens, unembedding: Unembedding, n_tokens: int, n: int
) -> Iterator[tuple[int, str, Tensor, Tensor]]:
    """By tile and end: the first feature, `positive` or `negative`, and tokens and effects [B, N], the largest first.

    Args:
        W_dec_FD: The decoder; its rows' lengths do not matter.
        layer: Of the stream that it writes to.
        n_tokens: Rows of the unembedding that are tokens.
        n: Tokens kept at either end.
    """
    W_VD, rows = unembedding.W_VD, max(1, TILE // unembedding.W_VD.shape[0])
    for first in range(0, len(W_dec_FD), rows):
        directions_BD = torch.nn.functional.normalize(W_dec_FD[first : first + rows].to(W_VD.device).float(), dim=1)
        effects_BV = unembedding.effects(lens(layer, directions_BD))[:, :n_tokens].float()
        for direction, sign in (("positive", 1), ("negative", -1)):
            effects_BN, tokens_BN = stable_topk(sign * effects_BV, n)
            yield first, direction, tokens_BN, sign * effects_BN
