"""Sets of transcoders that nothing trained: random ones across blocks, the neurons of ReLU MLPs, silent ones."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.sparse.codes import SparseCodes


@dataclass(frozen=True)
class WrittenOutTranscoders:
    """A set of transcoders as the tensors of its equation: ReLU codes, a decoder for each pair of blocks."""

    W_enc: dict[int, Tensor]
    """(F, D) by block."""
    b_enc: dict[int, Tensor]
    W_dec: dict[tuple[int, int], Tensor]
    """(F, D) by the block that is read and the block that is written."""
    b_dec: dict[int, Tensor]
    threshold: float = 0.0

    @property
    def layers(self) -> tuple[int, ...]:
        return tuple(sorted(self.W_enc))

    def n_features(self, layer: int) -> int:
        return len(self.W_enc[layer])

    def encode(self, layer: int, x_TD: Tensor) -> SparseCodes:
        pre_TF = x_TD @ self.W_enc[layer].to(x_TD).T + self.b_enc[layer].to(x_TD)
        acts_TF = torch.where(pre_TF > self.threshold, pre_TF, 0).clamp(min=0)
        features_F = torch.arange(self.n_features(layer))
        return SparseCodes(acts_TF, features_F.expand_as(acts_TF), self.n_features(layer))

    def encoder_rows(self, layer: int, features_N: Tensor) -> Tensor:
        return self.W_enc[layer][features_N]

    def written_layers(self, layer: int) -> tuple[int, ...]:
        return tuple(sorted(written for read, written in self.W_dec if read == layer))

    def decoder_rows(self, layer: int, features_N: Tensor, written_layer: int) -> Tensor:
        return self.W_dec[layer, written_layer][features_N]

    def bias(self, layer: int) -> Tensor:
        return self.b_dec[layer]

    def skip(self, layer: int) -> Tensor | None:
        return None


def random_cross_layer(n_layers: int, d_model: int, n_features: int = 24, seed: int = 0) -> WrittenOutTranscoders:
    """Features of each block that write it and all later ones; about a sixth of them fire."""
    chance = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=chance, dtype=torch.float64)

    layers = range(n_layers)
    return WrittenOutTranscoders(
        {layer: drawn(n_features, d_model) / d_model**0.5 for layer in layers},
        {layer: 0.1 * drawn(n_features) - 1 for layer in layers},
        {(a, b): 0.3 * drawn(n_features, d_model) / d_model**0.5 for a in layers for b in layers if b >= a},
        {layer: 0.1 * drawn(d_model) for layer in layers},
    )


def silent(transcoders: WrittenOutTranscoders) -> WrittenOutTranscoders:
    """The same, with biases of 0 and features that never fire."""
    return replace(transcoders, b_dec={k: 0 * b for k, b in transcoders.b_dec.items()}, threshold=float("inf"))


def neurons_of_relu_gpt2(host: HookedModel) -> WrittenOutTranscoders:
    """Makes the MLPs of a GPT-2 ReLU MLPs, and returns the transcoders whose features are their neurons: no error."""
    parts: dict[int, Any] = dict(enumerate(block.mlp for block in host.module_map.blocks))
    for mlp in parts.values():
        mlp.act = torch.nn.ReLU()
    return WrittenOutTranscoders(
        {layer: mlp.c_fc.weight.T for layer, mlp in parts.items()},
        {layer: mlp.c_fc.bias for layer, mlp in parts.items()},
        {(layer, layer): mlp.c_proj.weight for layer, mlp in parts.items()},
        {layer: mlp.c_proj.bias for layer, mlp in parts.items()},
    )


class ExactRMSNorm(torch.nn.Module):
    """An RMSNorm that computes in the dtype of what it is given, where transformers' own computes in float32."""

    def __init__(self, weight: Tensor, eps: float) -> None:
        super().__init__()
        self.weight, self.eps = torch.nn.Parameter(weight.double(), requires_grad=False), eps

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


def in_float64(host: HookedModel) -> HookedModel:
    """The same model computing in float64 throughout."""
    host.model.double()
    for parent in list(host.model.modules()):
        for name, part in parent.named_children():
            if type(part).__name__ in ("LlamaRMSNorm", "Qwen3RMSNorm"):
                setattr(parent, name, ExactRMSNorm(part.weight.detach(), part.variance_epsilon))
    host.prove()
    return host


def read_at(host: HookedModel, kind: str = "mlp_in") -> dict[int, Site]:
    """Where the encoders of every block read."""
    return {layer: Site(kind, layer) for layer in range(host.n_layers)}


def save_as_circuit_tracer(transcoders: WrittenOutTranscoders, folder: Path) -> Path:
    """Writes a set across all blocks in circuit-tracer's layout."""
    folder.mkdir(parents=True)
    for layer in transcoders.layers:
        names = {"W_enc": transcoders.W_enc, "b_enc": transcoders.b_enc, "b_dec": transcoders.b_dec}
        encoder = {f"{name}_{layer}": by_layer[layer].float().contiguous() for name, by_layer in names.items()}
        decoders = [transcoders.W_dec[layer, written].float() for written in transcoders.written_layers(layer)]
        save_file(encoder, folder / f"W_enc_{layer}.safetensors")
        save_file({f"W_dec_{layer}": torch.stack(decoders, dim=1)}, folder / f"W_dec_{layer}.safetensors")
    return folder
