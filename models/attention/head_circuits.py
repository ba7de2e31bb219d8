"""OV and QK circuits of single tokens: whether a head copies the token that it looks at, and looks at equal ones.

The embedding of a token takes the place of the stream before each block, so that the block's own norm, projections and
grouping of heads act on it, whatever the family calls them and however it fuses them; a second pass puts what one head
says of it, alone, in the place of all heads. What a stream of zeros gives is subtracted, which leaves the weights
without their biases. Queries and keys are those of the first position, where rotary embeddings turn nothing.

OV copying: the share of tokens whose own logit is raised most by what the head says of them, of all logits (the
diagonal of W_E W_V W_O W_U, Elhage et al. 2021, A Mathematical Framework for Transformer Circuits). QK matching: the
share of tokens whose query meets its own key best among the keys of all (W_E W_Q W_K^T W_E^T). OV positivity: the sum
of the eigenvalues of the OV circuit among these tokens over the sum of their sizes, 1 where every direction is copied.

Later heads seldom meet an embedding as it is: most of what tells a token is added by the first block's MLP. The scores
named `effective_` read the stream behind block 0 in which its attention said nothing (the effective embedding,
embedding + MLP 0 of it); heads of block 0 themselves have none.

N tokens, D width, V vocabulary, H heads, G key heads, d width of one head.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from models.attention.head import Head, heads_of
from models.attention.head_score import HeadScore, ScoreName
from models.interventions.attention_edits import replay
from models.language_model.hooked_model import HookedModel
from models.language_model.self_test import probe_tokens
from models.language_model.site_edit import Edit
from models.language_model.sites import Site

OV: tuple[ScoreName, ScoreName] = ("ov_copying", "ov_positivity")
EFFECTIVE_OV: tuple[ScoreName, ScoreName] = ("effective_ov_copying", "effective_ov_positivity")


@torch.no_grad()
def circuit_scores(host: HookedModel, counts: Sequence[int], tokens_N: Tensor) -> list[HeadScore]:
    """Every head's scores over some different tokens; without a value, and with the reason, where the weights cannot
    be split."""
    heads, n = heads_of(counts), len(tokens_N)
    names: list[ScoreName] = [*OV, *EFFECTIVE_OV, "qk_matching"]
    width = host.module_map.embedding.weight.shape[1]
    if width != host.d_model:
        lack = f"{host.architecture} embeds tokens in {width} numbers and its blocks read {host.d_model}"
        return [_without(head, name, n, lack) for name in names for head in heads]
    embedded_ND = host.module_map.embedding(tokens_N.to(host.device))
    read, behind_first = _projections(host, embedded_ND), _projections(host, _effective(host, embedded_ND))
    copying = _copying(host, counts, tokens_N, read, OV)
    copying += [
        score
        if score.head.layer
        else _without(score.head, score.name, n, "a head of block 0 reads embeddings as they are")
        for score in _copying(host, counts, tokens_N, behind_first, EFFECTIVE_OV)
    ]
    return copying + [_matching(head, counts[head.layer], read) for head in heads]


def _effective(host: HookedModel, embedded_ND: Tensor) -> Tensor:
    """The stream [N, D] behind block 0 whose attention says nothing, less that of a stream of zeros."""
    edits: dict[Site, Edit] = {Site("resid_pre", 0): replay(_above_zeros(embedded_ND)), Site("z", 0): torch.zeros_like}
    behind = Site("resid_post", 0)
    return _linear_part(host, len(embedded_ND), edits, [behind])[behind].to(embedded_ND)


def _matching(head: Head, n_heads: int, read: Mapping[Site, Tensor]) -> HeadScore:
    q_NHd = read[Site("q", head.layer)].unflatten(-1, (n_heads, -1))
    k_Nd = _of_group(head.head, n_heads, read[Site("k", head.layer)], q_NHd.shape[-1])
    match_NN = q_NHd[:, head.head] @ k_Nd.T
    return _share(head, "qk_matching", match_NN, torch.arange(len(match_NN)))


def _copying(
    host: HookedModel,
    counts: Sequence[int],
    tokens_N: Tensor,
    read: Mapping[Site, Tensor],
    names: tuple[ScoreName, ScoreName],
) -> list[HeadScore]:
    """Both scores of the OV circuit of every head."""
    copying, positivity = names
    lack = f"{host.architecture} has no final norm before its output embedding, so that no circuit ends in logits"
    try:
        unembedding = host.unembedding()
    except ValueError as error:
        unembedding, lack = None, str(error)
    if unembedding is None:
        return [_without(head, name, len(tokens_N), lack) for name in names for head in heads_of(counts)]
    scores = []
    for place in range(max(counts)):
        layers = [layer for layer, n_heads in enumerate(counts) if place < n_heads]
        for layer, said_ND in _alone(host, counts, layers, place, read).items():
            effects_NV = unembedding.effects(said_ND.to(unembedding.W_VD.device))
            scores.append(_share(Head(layer, place), copying, effects_NV, tokens_N))
            scores.append(_positivity(Head(layer, place), positivity, effects_NV[:, tokens_N.to(effects_NV.device)]))
    return sorted(scores, key=lambda score: score.head)


def _projections(host: HookedModel, stream_ND: Tensor) -> dict[Site, Tensor]:
    """Queries, keys and values [N, width] of every block for one stream."""
    layers = range(host.n_layers)
    streams = {Site("resid_pre", layer): replay(_above_zeros(stream_ND)) for layer in layers}
    return _linear_part(host, len(stream_ND), streams, [Site(kind, layer) for kind in "qkv" for layer in layers])


def _alone(
    host: HookedModel, counts: Sequence[int], layers: Sequence[int], place: int, read: Mapping[Site, Tensor]
) -> dict[int, Tensor]:
    """What the head at a place of each block adds to the stream [N, D] if it looks at a token and others are silent."""
    edits = {}
    for layer in layers:
        width = host.width(Site("z", layer)) // counts[layer]
        v_Nd = _of_group(place, counts[layer], read[Site("v", layer)], width)
        z_NHd = v_Nd.new_zeros(len(v_Nd), counts[layer], width)
        z_NHd[:, place] = v_Nd
        edits[Site("z", layer)] = replay(_above_zeros(z_NHd.flatten(1)))
    said = _linear_part(host, len(v_Nd), edits, [Site("attn_out", layer) for layer in layers])
    return {layer: said[Site("attn_out", layer)] for layer in layers}


def _linear_part(host: HookedModel, n: int, edits: Mapping[Site, Edit], sites: Sequence[Site]) -> dict[Site, Tensor]:
    """Sites [N, width] in a pass of one-token rows under edits, less their values in the last row, that of zeros."""
    [token] = probe_tokens(host.model, host.tokenizer)[0, :1].tolist()
    with host.intervene(edits), host.capture(sites) as found:
        host.forward(torch.full((n + 1, 1), token))
    return {site: (x[:-1, 0] - x[-1, 0]).float() for site, x in found.items()}


def _above_zeros(x_ND: Tensor) -> Tensor:
    """[N + 1, 1, D]: rows of one position, the last of zeros."""
    return torch.cat([x_ND, torch.zeros_like(x_ND[:1])])[:, None]


def _of_group(place: int, n_heads: int, x_NW: Tensor, width: int) -> Tensor:
    """Keys or values [N, d] that a head reads: heads of queries share those of their group."""
    x_NGd = x_NW.unflatten(-1, (-1, width))
    return x_NGd[:, place * x_NGd.shape[1] // n_heads]


def _share(head: Head, name: ScoreName, value_NM: Tensor, own_N: Tensor) -> HeadScore:
    """The share of rows whose own column exceeds all others; equal values are no win."""
    own_N1 = value_NM.gather(1, own_N.to(value_NM.device)[:, None])
    n, share = len(value_NM), float(((value_NM >= own_N1).sum(1) == 1).float().mean())
    return HeadScore(head, name, share, (share * (1 - share) / n) ** 0.5, 1 / value_NM.shape[1], n)


def _positivity(head: Head, name: ScoreName, value_NN: Tensor) -> HeadScore:
    eigenvalues_N = torch.linalg.eigvals(value_NN.double().cpu())
    size = float(eigenvalues_N.abs().sum())
    value = float(eigenvalues_N.real.sum()) / size if size else 0.0
    return HeadScore(head, name, value, None, 0.0, len(value_NN))


def _without(head: Head, name: ScoreName, n: int, lack: str) -> HeadScore:
    return HeadScore(head, name, None, None, None, n, lack)
