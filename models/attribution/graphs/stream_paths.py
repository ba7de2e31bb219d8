"""The paths of a prompt's linear model, gone backwards by hand: what autograd does for `LinearPaths`, for less.

A target reads one position: through the first attention on its way back, what it is made of is a sum over heads of one
vector each, weighted by where they attend. And a target at position p has no source behind it. Autograd knows neither
and computes all positions of all blocks. Whether the maps that are read off the recorded pass are the whole of it is
tried against autograd; where they are not (a skip path, a block that adds otherwise) autograd does it all.

B targets, P positions up to the last target's, D width of the stream, H heads, d width of one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.attribution.graphs.linear_paths import EMBEDDING, LinearPaths
from models.attribution.graphs.position_map import TOLERANCE, PositionMap
from models.language_model.sites import Site

KINDS = ("resid_pre", "v", "z", "attn_out")


def stream_sites(n_layers: int) -> list[Site]:
    """What `LinearPaths` has to record beside its own."""
    return [Site(kind, layer) for layer in range(n_layers) for kind in KINDS]


@dataclass(frozen=True, slots=True)
class AttentionPath:
    """What a block's attention moves between positions: x → v, by the pattern, z → stream."""

    value: PositionMap
    pattern_HPK: Tensor
    output: PositionMap

    @property
    def n_heads(self) -> int:
        return len(self.pattern_HPK)

    @property
    def value_HDd(self) -> Tensor:
        """Of each head that asks, the map of its values; heads of a group share one."""
        shared = self.value.weight_DE.unflatten(1, (-1, self.output.weight_DE.shape[0] // self.n_heads))
        return shared.repeat_interleave(self.n_heads // shared.shape[1], dim=1).permute(1, 0, 2)

    def back(self, grad_PBD: Tensor) -> Tensor:
        """From the stream behind it to the stream that it reads, its own part alone."""
        n, n_heads = len(grad_PBD), self.n_heads
        z_PBE = (grad_PBD * self.output.scale_P[:n, None, None]) @ self.output.weight_DE.T
        z_HPM = z_PBE.unflatten(-1, (n_heads, -1)).permute(2, 0, 1, 3).flatten(2)
        v_HPM = self.pattern_HPK[:, :n, :n].transpose(1, 2) @ z_HPM
        v_HPBd = v_HPM.unflatten(-1, (grad_PBD.shape[1], -1))
        n_values = self.value.weight_DE.shape[1] // v_HPBd.shape[-1]
        v_PBE = v_HPBd.unflatten(0, (n_values, -1)).sum(1).permute(1, 2, 0, 3).flatten(2)
        return (v_PBE @ self.value.weight_DE.T) * self.value.scale_P[:n, None, None]

    def back_from(self, position_B: Tensor, grad_BD: Tensor, n: int) -> Tensor:
        """The same where each target has a gradient at one position: one vector a head, wherever it attends."""
        z_BE = (grad_BD * self.output.scale_P[position_B, None]) @ self.output.weight_DE.T
        z_HBd = z_BE.unflatten(-1, (self.n_heads, -1)).transpose(0, 1)
        said_BHD = (z_HBd @ self.value_HDd.transpose(1, 2)).transpose(0, 1)
        weight_BPH = self.pattern_HPK[:, position_B, :n].permute(1, 2, 0) * self.value.scale_P[:n, None]
        return (weight_BPH @ said_BHD).transpose(0, 1)


@dataclass(frozen=True, slots=True)
class TargetPath:
    """From the stream to what a target reads."""

    block: int
    """Whose stream is read."""
    read: PositionMap
    behind_attention: bool
    behind_mlp: bool


@dataclass(frozen=True)
class StreamPaths:
    """The paths of a prompt."""

    targets: Mapping[Site, TargetPath]
    attention: Sequence[AttentionPath]
    embedding: float
    """What an embedding is multiplied by before it enters the stream."""

    @classmethod
    def of(cls, paths: LinearPaths, stages: Sequence[Site], patterns: Mapping[Site, Tensor]) -> "StreamPaths | None":
        """Reads the maps off a recorded pass and holds them to autograd; None where they are not all there is.

        Args:
            paths: Recorded with `stream_sites`.
            stages: Where targets read.
            patterns: Of attention (1, H, P, P), by site.
        """
        n_layers, targets = len(patterns), dict[Site, TargetPath]()
        attention = [_attention(paths, layer, patterns) for layer in range(n_layers)]
        embedding = _multiple(paths.stages[Site("resid_pre", 0)], paths.sources[EMBEDDING])
        for stage in stages:
            target = _target(paths, stage, n_layers)
            if target is None:
                return None
            targets[stage] = target
        if embedding is None or not all(attention):
            return None
        found = cls(targets, [each for each in attention if each is not None], embedding)
        return found if all(found._agrees(paths, stage) for stage in stages) else None

    def gradients(self, stage: Site, position_B: Tensor, direction_BD: Tensor) -> Iterator[tuple[int, Tensor]]:
        """How much of each source (P, B, D) reaches the direction of each target, block by block from the last on.

        Positions end with the last target's.
        """
        target, n = self.targets[stage], int(position_B.max()) + 1
        position_B, direction_BD = position_B.to(target.read.scale_P.device), direction_BD.to(target.read.weight_DE)
        grad_BD = (direction_BD @ target.read.weight_DE.T) * target.read.scale_P[position_B, None]
        grad_PBD = grad_BD.new_zeros(n, *grad_BD.shape)
        grad_PBD[position_B, torch.arange(len(position_B), device=position_B.device)] = grad_BD
        if target.behind_mlp:
            yield target.block, grad_PBD
        if target.behind_attention:
            grad_PBD = grad_PBD + self.attention[target.block].back_from(position_B, grad_BD, n)
        for layer in reversed(range(target.block)):
            yield layer, grad_PBD
            grad_PBD = grad_PBD + self.attention[layer].back(grad_PBD)
        yield EMBEDDING, grad_PBD * self.embedding if self.embedding != 1 else grad_PBD

    def _agrees(self, paths: LinearPaths, stage: Site) -> bool:
        n, width = paths.stages[stage].shape[1:]
        position_B = torch.tensor([n - 1, n // 2])
        direction_BD = torch.randn(2, width, generator=torch.Generator().manual_seed(1)).to(paths.stages[stage])
        wanted, found = (
            paths.gradients(stage, position_B, direction_BD),
            dict(self.gradients(stage, position_B, direction_BD)),
        )
        if wanted.keys() != found.keys():
            return False
        largest = max(float(x.abs().max()) for x in wanted.values())
        bound = TOLERANCE * torch.finfo(direction_BD.dtype).eps * largest
        return all(float((x - found[layer]).abs().max()) <= bound for layer, x in wanted.items())


def _attention(paths: LinearPaths, layer: int, patterns: Mapping[Site, Tensor]) -> AttentionPath | None:
    pre, v, z, attn_out = (paths.stages[Site(kind, layer)] for kind in KINDS)
    value, output = PositionMap.of(v, pre), PositionMap.of(attn_out, z)
    return AttentionPath(value, patterns[Site("attn_pattern", layer)][0], output) if value and output else None


def _target(paths: LinearPaths, stage: Site, n_layers: int) -> TargetPath | None:
    layer = n_layers - 1 if stage.layer is None else stage.layer
    read_1PD = paths.stages[stage]
    behind_attention = PositionMap.of(read_1PD, paths.stages[Site("attn_out", layer)])
    behind_mlp = PositionMap.of(read_1PD, paths.sources[layer])
    read = behind_attention or behind_mlp or PositionMap.of(read_1PD, paths.stages[Site("resid_pre", layer)])
    return read and TargetPath(layer, read, behind_attention is not None, behind_mlp is not None)


def _multiple(y_1PD: Tensor, x_1PD: Tensor) -> float | None:
    """The number that one value is of another by; None where there is no such number."""
    probe_1PD = torch.randn(y_1PD.shape, generator=torch.Generator().manual_seed(2)).to(y_1PD)
    if not y_1PD.requires_grad:
        return None
    [found] = torch.autograd.grad(y_1PD, [x_1PD], probe_1PD, retain_graph=True, allow_unused=True)
    if found is None:
        return None
    factor = float((found * probe_1PD).sum() / probe_1PD.square().sum())
    factor = 1.0 if abs(factor - 1) < 1e-5 else factor
    return factor if torch.allclose(found, factor * probe_1PD, rtol=1e-4) else None
