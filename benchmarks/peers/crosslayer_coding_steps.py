"""Runs in an environment that has crosslayer-coding (`decode-clt` on PyPI), not ours: steps as its trainer takes them,
on the tokens of a file (see peer_protocol.py).

k is of all blocks together there (its selection by layer gives no features in 0.0.1), so that it is told k times the
blocks. The sparsity penalty and the auxiliary loss are off, which only makes it faster; features' activations are
computed before the loss and within, as its trainer does.
"""

# pyright: reportMissingImports=false
from typing import Any

import peer_protocol
import torch
from clt.config import CLTConfig, TrainingConfig
from clt.models.clt import CrossLayerTranscoder
from clt.training.losses import LossManager
from torch import Tensor


def build(options: dict[str, Any]) -> peer_protocol.Learner:
    n, width, steps = options["blocks"], options["d_in"], options["steps"]
    asked = CLTConfig(
        num_features=options["d_sae"],
        num_layers=n,
        d_model=width,
        activation_fn="batchtopk",
        batchtopk_k=options["k"] * n,
    )
    training = TrainingConfig(
        learning_rate=options["lr"],
        training_steps=steps,
        normalization_method="none",
        activation_path="none",
        apply_sparsity_penalty_to_batchtopk=False,
    )
    model = CrossLayerTranscoder(asked, process_group=None, device=torch.device(options["device"]))
    losses, adam = LossManager(training, clt_config=asked), torch.optim.AdamW(model.parameters(), options["lr"])

    def step(number: int, rows_TD: Tensor) -> None:
        parts = rows_TD.split(width, dim=1)
        read, written = dict(enumerate(parts[:n])), dict(enumerate(parts[n:]))
        adam.zero_grad(set_to_none=True)
        acts = model.get_feature_activations(read)
        loss, _ = losses.compute_total_loss(model, read, written, number, steps, precomputed_activations=acts)
        loss.backward()
        adam.step()

    def form(rows_TD: Tensor) -> tuple[Tensor, Tensor]:
        """What is read comes back as it is: the error is that of what is written."""
        read = dict(enumerate(rows_TD.split(width, dim=1)[:n]))
        acts, written = model.get_feature_activations(read), model(read)
        return torch.cat(list(acts.values()), 1), torch.cat([*read.values(), *written.values()], dim=1)

    return peer_protocol.Learner(step, form, lambda: form, lambda: torch.zeros(1, width))


if __name__ == "__main__":
    peer_protocol.serve(build)
