"""What a set of transcoders makes of one prompt: features that fire, and what they leave out of every MLP's output.

P positions, D width of the stream, V vocabulary, N active features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.dictionaries.transcoder_set import TranscoderSet
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site


@dataclass(frozen=True)
class ModelTranscoders:
    """A set of transcoders with the places of a model at which its encoders read."""

    transcoders: TranscoderSet
    read: Mapping[int, Site]
    """By block; what is written is always `mlp_out`, what an MLP adds to the stream."""

    @property
    def layers(self) -> tuple[int, ...]:
        return self.transcoders.layers


@dataclass(frozen=True)
class ActiveFeatures:
    """Features that fire on a prompt, ordered by block, position, number."""

    layer_N: Tensor
    position_N: Tensor
    feature_N: Tensor
    activation_N: Tensor

    def __len__(self) -> int:
        return len(self.layer_N)

    def of_layer(self, layer: int) -> slice:
        """Where the features of a block stand."""
        start, end = torch.searchsorted(self.layer_N, torch.tensor([layer, layer + 1])).tolist()
        return slice(start, end)


@dataclass(frozen=True)
class TranscodedPrompt:
    """A prompt's pass through the model, and its features."""

    model: ModelTranscoders
    token_ids: tuple[int, ...]
    n_special: int
    """Positions before the text, at which no transcoder reads: their MLP outputs are constants."""
    embed_PD: Tensor
    read: Mapping[int, Tensor]
    """What each block's encoder reads (P, D)."""
    written: Mapping[int, Tensor]
    """What each block's MLP adds to the stream (P, D), of all blocks of the model."""
    final_PD: Tensor
    """What the final norm reads."""
    pattern: Mapping[Site, Tensor]
    """How much of each value each query takes (1, H, P, P), by block."""
    logits_V: Tensor
    """Of the last position."""
    active: ActiveFeatures
    error: Mapping[int, Tensor]
    """What features, bias and skip path leave out of `written` (P, D); of a block without a transcoder all of it."""

    @classmethod
    @torch.no_grad()
    def of(
        cls, host: HookedModel, model: ModelTranscoders, token_ids: Sequence[int], n_special: int
    ) -> "TranscodedPrompt":
        """Runs the model once without any edit.

        Raises:
            ValueError: If the model's attention cannot be read.
        """
        patterns = [Site("attn_pattern", layer) for layer in range(host.n_layers)]
        written = {layer: Site("mlp_out", layer) for layer in range(host.n_layers)}
        sites = [Site("embed"), Site("final_norm_in"), *model.read.values(), *written.values(), *patterns]
        with host.capture(sites, stop_early=False) as values:
            logits = host.forward(torch.tensor([list(token_ids)]))
        assert logits is not None, "a pass that is not stopped has logits"
        read = {layer: values[site][0] for layer, site in model.read.items()}
        said = {layer: values[site][0] for layer, site in written.items()}
        active = _active_features(model.transcoders, read, n_special)
        error = _errors(model.transcoders, active, read, said, n_special)
        return cls(
            model,
            tuple(token_ids),
            n_special,
            values[Site("embed")][0],
            read,
            said,
            values[Site("final_norm_in")][0],
            {site: values[site] for site in patterns},
            logits[0, -1],
            active,
            error,
        )


def _active_features(transcoders: TranscoderSet, read: Mapping[int, Tensor], n_special: int) -> ActiveFeatures:
    parts = []
    for layer in transcoders.layers:
        position_M, feature_M, activation_M = transcoders.encode(layer, read[layer][n_special:]).fired()
        order = torch.argsort(position_M * transcoders.n_features(layer) + feature_M)
        layer_M = torch.full_like(position_M, layer)
        parts.append((layer_M, position_M[order] + n_special, feature_M[order], activation_M[order].to(read[layer])))
    return ActiveFeatures(*(torch.cat(column).cpu() for column in zip(*parts, strict=True)))


def _errors(
    transcoders: TranscoderSet,
    active: ActiveFeatures,
    read: Mapping[int, Tensor],
    written: Mapping[int, Tensor],
    n_special: int,
) -> dict[int, Tensor]:
    error = {layer: said_PD.clone() for layer, said_PD in written.items()}
    for layer in transcoders.layers:
        error[layer] -= transcoders.bias(layer).to(error[layer])
    for layer in transcoders.layers:
        skip, here = transcoders.skip(layer), active.of_layer(layer)
        if skip is not None:
            error[layer] = error[layer] - read[layer] @ skip.to(read[layer]).T
        feature_M, position_M = active.feature_N[here], active.position_N[here].to(read[layer].device)
        activation_M = active.activation_N[here].to(read[layer])
        for target in transcoders.written_layers(layer):
            rows_MD = transcoders.decoder_rows(layer, feature_M.to(read[layer].device), target).to(read[layer])
            error[target] = error[target].index_add(0, position_M, -activation_M[:, None] * rows_MD)
    for values_PD in error.values():
        values_PD[:n_special] = 0
    return error
