"""Scales that another library applies around a dictionary, folded into its tensors.

Axes: D width that is read, E width that is written, F features.
"""

from torch import Tensor

SMALLEST = 1e-12
"""Norm below which a decoder row counts as this long, so that a dead feature does not become NaN."""


def fold_scales(tensors: dict[str, Tensor], reads: float, writes: float) -> dict[str, Tensor]:
    """The same dictionary for raw activations, when it was made for `reads · x` and gives `writes · y`.

    Codes keep the unit of the library. There must be no W_skip, and no decoder bias that is subtracted from what is
    read, unless both scales are the same.
    """
    return tensors | {
        "W_enc": tensors["W_enc"] * reads,
        "W_dec": tensors["W_dec"] / writes,
        "b_dec": tensors["b_dec"] / writes,
    }


def fold_decoder_bias(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same dictionary without `x - b_dec`: what that did is in the encoder's bias."""
    return tensors | {"b_enc": tensors["b_enc"] - tensors["b_dec"] @ tensors["W_enc"]}


def row_norms(tensors: dict[str, Tensor]) -> Tensor:
    """Norms of the decoder's rows, [F]."""
    return tensors["W_dec"].norm(dim=1).clamp_min(SMALLEST)


def unit_rows(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The dictionary with codes in the unit of decoder rows of norm 1, and such rows; it reconstructs the same."""
    norms_F = row_norms(tensors)
    return tensors | {
        "W_enc": tensors["W_enc"] * norms_F,
        "b_enc": tensors["b_enc"] * norms_F,
        "W_dec": tensors["W_dec"] / norms_F[:, None],
    }
