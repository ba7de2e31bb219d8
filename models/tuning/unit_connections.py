"""Which units of an earlier site make a unit of a later one what it is: by the weights between them, checked by
ablation.

The weights between two sites that are not neighbours are read as derivatives: what one more of a source unit at an
offset does to the target unit in the middle. Between two linear layers that is the kernel itself; through
nonlinearities it is the kernel that acts at the stimuli at hand, and is averaged over them.

N pictures, C units of the source, H and W its places, U units of the target, K and L rows and columns of a kernel.

Source: Voss et al. 2021, "Visualizing Weights", distill.pub/2020/circuits/visualizing-weights, for expanded weights;
Olah et al. 2020, "Zoom In", for circuits read off weights.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from models.tuning.unit_response import middle_responses


class SourceAndTarget(Protocol):
    """Two sites of one model, the target behind the source."""

    def read(self, picture_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Values of source and target, the second with a gradient with regard to the first."""
        ...

    def edited(self, picture_NCHW: Tensor, edit: Callable[[Tensor], Tensor]) -> Tensor:
        """The target, with something else in the source's place."""
        ...


@dataclass(frozen=True, slots=True)
class UnitConnections:
    """What each source unit does to one target unit."""

    kernel_CKL: Tensor
    """Mean derivative of the target, by the source's place."""
    size_C: Tensor
    """Mean norm of each kernel over pictures: a source may excite at one place and inhibit at another."""
    contribution_NC: Tensor
    """Derivative times the source's value less its value on grey, summed over places: what the source adds to the
    response, to first order."""

    @property
    def weight_C(self) -> Tensor:
        """Sum of each kernel."""
        return self.kernel_CKL.sum((-2, -1))

    def strongest(self, n: int) -> list[int]:
        """The sources with the largest kernels, the largest first."""
        return torch.sort(self.size_C, descending=True, stable=True).indices[:n].tolist()


def unit_connections(
    sites: SourceAndTarget, pictures: Sequence[Tensor], unit: int, blank: Tensor, reach: float = 0
) -> UnitConnections:
    """Reads the weights of one unit.

    Args:
        sites: Source and target.
        pictures: What the unit is shown, each (3, size, size).
        unit: Of the target.
        blank: The grey picture, against which contributions are counted.
        reach: Pixels around the middle within which the unit's strongest place is explained; 0 for the middle.
    """
    with torch.no_grad():
        blank_1CHW = sites.read(blank[None])[0].detach()
    kernels, contributions = [], []
    for picture in pictures:
        source_1CHW, target_1UHW = sites.read(picture[None])
        [[value]] = middle_responses(target_1UHW[:, [unit]], blank.shape[-1], reach)
        [gradient_1CHW] = torch.autograd.grad(value, [source_1CHW])
        kernels.append(gradient_1CHW[0])
        contributions.append((gradient_1CHW * (source_1CHW.detach() - blank_1CHW)).sum((0, 2, 3)))
    kernel_NCKL = torch.stack(kernels)
    size_C = torch.linalg.vector_norm(kernel_NCKL, dim=(-2, -1)).mean(0)
    return UnitConnections(kernel_NCKL.mean(0).cpu(), size_C.cpu(), torch.stack(contributions).cpu())


def ablated_responses(
    sites: SourceAndTarget,
    pictures: Sequence[Tensor],
    unit: int,
    sources: Sequence[int],
    blank: Tensor,
    reach: float = 0,
) -> Tensor:
    """What the unit answers to each picture, less what it answers to grey, while some source units have the value that
    grey gives them at every place: (N,)."""
    with torch.no_grad():
        blank_1CHW, _ = sites.read(blank[None])
        blank_1CHW = blank_1CHW.detach()

        def silenced(source_NCHW: Tensor) -> Tensor:
            changed = source_NCHW.clone()
            changed[:, list(sources)] = blank_1CHW[:, list(sources)].to(changed)
            return changed

        target_NUHW = sites.edited(torch.stack([*pictures, blank]), silenced)
        response_N = middle_responses(target_NUHW[:, [unit]], blank.shape[-1], reach)[:, 0]
    return (response_N[:-1] - response_N[-1]).cpu()
