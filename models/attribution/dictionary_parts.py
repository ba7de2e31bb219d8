"""What a dictionary's features add to the final stream, in the place of the parts that they describe.

A dictionary of the stream behind block L describes everything that was added up to there; one of an MLP's output
describes that MLP. Its features, its bias and its error add up to the same. D width of the stream, F features.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.attribution.stream_parts import StreamPart
from models.dictionaries.base import SparseDictionary
from models.language_model.sites import Site

_IN_BLOCK = {"resid_pre": 0, "resid_mid": 1, "resid_post": 2}
"""Additions of block L that the stream at a site of it holds."""
_ONE = {"attn_out": 0, "mlp_out": 1}
"""Which addition of block L a site is."""


def check_site(site: Site) -> None:
    """Refuses a dictionary whose directions are not added to the stream.

    Raises:
        ValueError: Naming the kinds of site that are.
    """
    if site.kind not in _IN_BLOCK | _ONE:
        raise ValueError(
            f"the dictionary writes {site}, which is no part of the residual stream, so that its features have no "
            f"direct effect: name a dictionary of {', '.join(_IN_BLOCK | _ONE)}"
        )


def with_features(parts: Sequence[StreamPart], features: Sequence[StreamPart], site: Site) -> list[StreamPart]:
    """The parts, those that a dictionary at this site describes replaced by its own."""
    kept = [part for part in parts if not _is_described(part, site)]
    return [*features, *kept]


def _is_described(part: StreamPart, site: Site) -> bool:
    assert site.layer is not None, f"{site} is of a block"
    time = -1 if part.layer is None else 2 * part.layer + (part.component == "mlp")
    if site.kind in _ONE:
        return time == 2 * site.layer + _ONE[site.kind]
    return time < 2 * site.layer + _IN_BLOCK[site.kind]


@torch.no_grad()
def feature_parts(sae: SparseDictionary, read_D: Tensor, written_D: Tensor, site: Site) -> list[StreamPart]:
    """Every feature that fires, the dictionary's bias, what it passes by, and its error.

    Args:
        sae: The dictionary.
        read_D: The value of the site that it reads.
        written_D: The value of the site that it writes: the same, but of a transcoder.
        site: Where it writes.
    """
    read_TD = read_D[None].float()
    codes = sae.encode(read_TD)
    _, features_M, acts_M = codes.fired()
    added_MD = acts_M[:, None] * sae.W_dec[features_M]
    parts = [
        StreamPart("feature", added_D, site.layer, feature_id=int(feature))
        for feature, added_D in zip(features_M.tolist(), added_MD, strict=True)
    ]
    parts.append(StreamPart("dictionary_bias", sae.b_dec.detach(), site.layer))
    guess_D = sae.guess(read_TD, codes)[0]
    if sae.W_skip is not None:
        parts.append(StreamPart("skip", guess_D - sae.decode(codes)[0], site.layer))
    return [*parts, StreamPart("error", written_D.float() - guess_D, site.layer)]
