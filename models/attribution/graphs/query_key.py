"""Why a head attends where it does: its score of a query and a key, as a sum over pairs of what made the two.

With norms and earlier patterns held, query and key are each linear in features, errors and tokens, so that their
product is a sum over pairs of one source of the query and one of the key. What no source brings (biases, positions) is
a source of its own, the last. d width of a head, S sources, then the constant.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from models.attribution.graphs.linear_paths import LinearPaths
from models.attribution.graphs.source_products import SourceProducts
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site


@dataclass(frozen=True)
class ScorePair:
    """What a source of the query and one of the key bring to a score; a source is a column, or None: the constant."""

    query_source: int | None
    key_source: int | None
    score: float


@dataclass(frozen=True)
class AttentionScore:
    """The score of one query and one key of a head, before a soft cap and the mask."""

    query_dS: Tensor
    """What each source brings to the query."""
    key_dS: Tensor
    scaling: float

    @property
    def total(self) -> float:
        """The score itself."""
        return self.scaling * float(self.query_dS.sum(1) @ self.key_dS.sum(1))

    @property
    def pairs_SS(self) -> Tensor:
        """What each pair brings: rows are sources of the query."""
        return self.scaling * (self.query_dS.T @ self.key_dS)

    def strongest(self, n: int) -> Iterator[ScorePair]:
        """The pairs that bring most, the largest first."""
        pairs, size = self.pairs_SS, self.query_dS.shape[1]
        for place in pairs.abs().flatten().topk(min(n, pairs.numel())).indices.tolist():
            row, column = divmod(place, size)
            named = [None if source == size - 1 else source for source in (row, column)]
            yield ScorePair(named[0], named[1], float(pairs[row, column]))


def attention_score(
    host: HookedModel, sources: SourceProducts, layer: int, head: int, query_position: int, key_position: int
) -> AttentionScore:
    """The score of a head of a block for two positions of the prompt.

    Raises:
        ValueError: If the block has no such head, a position is outside of the prompt, or the key is behind the query.
    """
    prompt = sources.prompt
    n_heads = prompt.pattern[Site("attn_pattern", layer)].shape[1]
    n = len(prompt.token_ids)
    if not (0 <= head < n_heads and 0 <= key_position <= query_position < n):
        raise ValueError(
            f"head {head} of {n_heads}, query {query_position}, key {key_position} of {n} positions: name a head of "
            "the block and a key that is not behind its query"
        )
    query, key = Site("q", layer), Site("k", layer)
    paths = LinearPaths.of(host, prompt, query, key)
    width = paths.stages[query].shape[-1] // n_heads
    group = n_heads // (paths.stages[key].shape[-1] // width)
    query_dS = _made_of(paths, sources, query, query_position, head * width, width)
    key_dS = _made_of(paths, sources, key, key_position, head // group * width, width)
    return AttentionScore(query_dS, key_dS, _scaling(host, layer, width))


def _made_of(paths: LinearPaths, sources: SourceProducts, site: Site, position: int, start: int, width: int) -> Tensor:
    value_D = paths.stages[site][0, position].detach()
    direction_dD = torch.eye(len(value_D), dtype=value_D.dtype, device=value_D.device)[start : start + width]
    rows_dS = sources.rows(paths.gradients(site, torch.full((width,), position), direction_dD).items())
    constant_d = value_D[start : start + width] - rows_dS.sum(1)
    return torch.cat([rows_dS, constant_d[:, None]], dim=1)


def _scaling(host: HookedModel, layer: int, width: int) -> float:
    """What a product of query and key is multiplied by: the family's own number, else 1 / √d."""
    own = (getattr(part, "scaling", None) for part in host.module_map.blocks[layer].modules())
    return next((float(scaling) for scaling in own if isinstance(scaling, float)), width**-0.5)
