"""A position that a head attends to on a prompt, and its score there split by pairs of sources."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models.attribution.graphs.query_key import AttentionScore, attention_score
from models.attribution.graphs.source_products import SourceProducts
from models.attribution.graphs.transcoded_prompt import ModelTranscoders, TranscodedPrompt
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

CACHE_BYTES = 2**28
"""Of decoder rows that are kept at hand."""


class Source(NamedTuple):
    """What a column of the sources stands for."""

    kind: str
    """`feature`, `error` or `token`."""
    layer: int | None
    position: int
    feature: int | None


@dataclass(frozen=True)
class AttendedPosition:
    """A query, a key, and why the one attends to the other."""

    sources: SourceProducts
    query_position: int
    key_position: int
    weight: float
    """What the query takes of the key's value."""
    score: AttentionScore

    def source(self, column: int) -> Source:
        """What a column of `score` is: features, then errors by block and position, then tokens."""
        sources, active = self.sources, self.sources.prompt.active
        if column < sources.n_features:
            return Source("feature", *(int(x[column]) for x in (active.layer_N, active.position_N, active.feature_N)))
        column -= sources.n_features
        if column < sources.n_errors:
            layer, place = divmod(column, sources.n_text)
            return Source("error", layer, sources.prompt.n_special + place, None)
        return Source("token", None, column - sources.n_errors, None)


def attended_position(
    host: HookedModel,
    model: ModelTranscoders,
    token_ids: Sequence[int],
    n_special: int,
    layer: int,
    head: int,
    query: int | None = None,
    key: int | None = None,
) -> AttendedPosition:
    """Where a head attends, the last position's most attended one where none is named, and why.

    Raises:
        ValueError: If there is no such block, head or position, or the key is behind the query.
    """
    if not 0 <= layer < host.n_layers:
        raise ValueError(
            f"head {layer}.{head} is of block {layer}, and there are 0 to {host.n_layers - 1}: name another"
        )
    prompt = TranscodedPrompt.of(host, model, token_ids, n_special)
    pattern_HPK = prompt.pattern[Site("attn_pattern", layer)][0]
    query = len(token_ids) - 1 if query is None else query
    named = 0 <= head < len(pattern_HPK) and 0 <= query < len(token_ids)
    if key is None:
        key = int(pattern_HPK[head, query].argmax()) if named else 0
    sources = SourceProducts(prompt, CACHE_BYTES)
    score = attention_score(host, sources, layer, head, query, key)
    return AttendedPosition(sources, query, key, float(pattern_HPK[head, query, key]), score)
