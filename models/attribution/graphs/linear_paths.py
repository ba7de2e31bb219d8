"""Everything between what MLPs and embeddings write and what later encoders read, as one linear map of a prompt.

With attention patterns and the scales of norms as they were on the prompt, and every MLP's output a constant, the model
is linear in these outputs (Ameisen et al. 2025, Circuit Tracing): the gradient of a value is its exact dependence.

B targets, P positions, D width of the stream.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.attribution.graphs.transcoded_prompt import TranscodedPrompt
from models.interventions.attention_edits import replay
from models.interventions.frozen_norms import frozen_norms
from models.language_model.hooked_model import HookedModel
from models.language_model.site_edit import Edit
from models.language_model.sites import Site

EMBEDDING = -1
"""The source of token embeddings, beside the blocks whose MLPs are sources."""


@dataclass(frozen=True)
class LinearPaths:
    """The recorded pass."""

    stages: dict[Site, Tensor]
    """What encoders and the final norm read (1, P, D), and other sites that were asked for."""
    sources: dict[int, Tensor]
    """Token embeddings and MLP outputs (1, P, D), by block."""

    @classmethod
    def of(cls, host: HookedModel, prompt: TranscodedPrompt, *more: Site) -> "LinearPaths":
        """Records the pass, with the values of further sites.

        Raises:
            ValueError: If a norm cannot be frozen.
        """
        sources = {EMBEDDING: prompt.embed_PD, **prompt.written}
        leaves = {layer: x_PD[None].clone().requires_grad_() for layer, x_PD in sources.items()}
        stages = [*prompt.model.read.values(), Site("final_norm_in"), *more]
        token_ids_1P = torch.tensor([list(prompt.token_ids)])
        edits: dict[Site, Edit] = {site: replay(x) for site, x in prompt.pattern.items()}
        edits[Site("embed")] = lambda _: leaves[EMBEDDING]
        with ExitStack() as open_:
            values = open_.enter_context(host.capture(stages, detach=False))
            for layer in range(host.n_layers):
                edits[Site("mlp_out", layer)] = _output(prompt, layer, leaves[layer], values)
            open_.enter_context(host.intervene(edits))
            # The later of two hooks comes first: where an MLP's output leaves a norm, the edit replaces what it says.
            open_.enter_context(frozen_norms(host, token_ids_1P))
            open_.enter_context(torch.enable_grad())
            host.forward(token_ids_1P)
        return cls({site: values[site] for site in stages}, leaves)

    def gradients(self, stage: Site, position_B: Tensor, direction_BD: Tensor) -> dict[int, Tensor]:
        """How much of each source (P, B, D), by block, reaches the direction of each target at its position.

        Args:
            stage: Where all of the targets read.
            position_B: Position of each target.
            direction_BD: What its value is the product with.
        """
        read_1PD = self.stages[stage]
        grad_B1PD = read_1PD.new_zeros(len(position_B), *read_1PD.shape)
        grad_B1PD[torch.arange(len(position_B)), 0, position_B] = direction_BD.to(grad_B1PD)
        found = torch.autograd.grad(
            read_1PD,
            list(self.sources.values()),
            grad_B1PD,
            retain_graph=True,
            allow_unused=True,
            is_grads_batched=True,
        )
        return {layer: x[:, 0].transpose(0, 1) for layer, x in zip(self.sources, found, strict=True) if x is not None}


def _output(prompt: TranscodedPrompt, layer: int, leaf_1PD: Tensor, values: Any) -> Edit:
    """The MLP's output as a constant; a skip path stays a path."""
    model = prompt.model
    skip = model.transcoders.skip(layer) if layer in model.read else None
    if skip is None:
        return lambda _: leaf_1PD

    def with_skip(_: Tensor) -> Tensor:
        passed = values[model.read[layer]] @ skip.to(leaf_1PD).T
        changed = passed - passed.detach()
        changed[:, : prompt.n_special] = 0
        return leaf_1PD + changed

    return with_skip
