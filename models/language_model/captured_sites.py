"""What one capture wants of the passes within its block, and what of it the pass under way has brought."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.language_model.sites import Site


class Stopped(Exception):
    """Ends a forward pass whose remainder nobody reads; never leaves `HookedModel.forward`."""


@dataclass(eq=False)
class CapturedSites:
    """The values of sites in the latest pass."""

    sites: tuple[Site, ...]
    stop: bool
    """Whether the rest of a pass is of no use once every site is found."""
    detach: bool
    found: dict[Site, Tensor] = field(default_factory=dict)

    @property
    def content(self) -> bool:
        return self.stop and len(self.found) == len(self.sites)

    def keep(self, site: Site, x: Tensor) -> Tensor | None:
        """Keeps a value; where its gradient is wanted, returns the copy that must take its place in the graph."""
        if self.detach:
            self.found[site] = x.detach()
        elif not torch.is_grad_enabled():
            self.found[site] = x
        else:
            copy = x.clone()
            self.found[site] = copy if copy.requires_grad else copy.requires_grad_()
            return copy
        return None
