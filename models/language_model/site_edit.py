"""An edit of a site's value, held to its shape and to the positions that it may change."""

from collections.abc import Callable

import torch
from torch import Tensor

from models.language_model.sites import Site

Edit = Callable[[Tensor], Tensor]


def site_edit(site: Site, edit: Edit, chosen: Callable[[int], Tensor | None]) -> Callable[[Tensor], Tensor | None]:
    """A hook that puts the edit's answer at the chosen positions; None where none is chosen."""
    axis = 2 if site.kind == "attn_pattern" else 1

    def replace(x: Tensor) -> Tensor | None:
        chosen_P = chosen(x.shape[axis])
        if chosen_P is not None and not chosen_P.any():
            return None
        new = edit(x.clone())
        if new.shape != x.shape:
            raise ValueError(
                f"the edit of {site} was given {tuple(x.shape)} and returned {tuple(new.shape)}: return the same shape"
            )
        new = new.to(x)
        return new if chosen_P is None else torch.where(chosen_P.to(x.device)[:, None], new, x)

    return replace
