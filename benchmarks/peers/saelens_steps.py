"""Runs in an environment that has SAELens, not ours: trains a dictionary of SAELens on the tokens of a file, as many
steps as it is told (see peer_protocol.py).

Sparsity penalties rise over 5 % of the run; a feature is dead after as long, where the library's own 1,000 steps are
too many for a short one. All else is SAELens's default, but for the form of JumpReLU's penalty: the one that aims at an
L0.
"""

# pyright: reportMissingImports=false
import itertools
import tempfile
from typing import Any

import peer_protocol
import torch
from sae_lens import SAE
from sae_lens.config import LoggingConfig, SAETrainerConfig
from sae_lens.registry import get_sae_training_class
from sae_lens.training.sae_trainer import SAETrainer


def settings(architecture: str, widths: list[int], k: int, warmup: int) -> dict[str, Any]:
    """What the architecture wants to be told besides the sizes."""
    return {
        "standard": {"l1_warm_up_steps": warmup},
        "gated": {"l1_warm_up_steps": warmup},
        "topk": {"k": k},
        "batchtopk": {"k": k},
        "matryoshka_batchtopk": {"k": k, "matryoshka_widths": widths},
        "jumprelu": {"jumprelu_sparsity_loss_mode": "quadratic", "target_l0": k},
    }[architecture]


def build(options: dict[str, Any]) -> peer_protocol.Learner:
    device, batch, steps, n_features = options["device"], options["batch"], options["steps"], options["d_sae"]
    kind, config = get_sae_training_class(options["architecture"])
    widths = [round(n_features * share) for share in itertools.accumulate(options["groups"])]
    wanted = settings(options["architecture"], widths, options["k"], steps // 20) | options["settings"]
    sae = kind(config(d_in=options["d_in"], d_sae=n_features, device=device, **wanted))
    course = SAETrainerConfig(
        total_training_samples=steps * batch,
        train_batch_size_samples=batch,
        lr=options["lr"],
        lr_end=0.0,
        lr_warm_up_steps=options["warmup"],
        lr_decay_steps=options["decay"],
        device=device,
        autocast=device == "cuda",
        dead_feature_window=max(1, steps // 20),
        logger=LoggingConfig(log_to_wandb=False),
    )
    trainer = SAETrainer(course, sae, iter(()))

    def step(number: int, x_TD: torch.Tensor) -> None:
        trainer.step(x_TD)
        trainer.n_training_steps = number + 1

    def form(coder: Any) -> peer_protocol.Form:
        def code(x_TD: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            acts_TF = coder.encode(x_TD)
            return acts_TF, coder.decode(acts_TF)

        return code

    def exported() -> peer_protocol.Form:
        with tempfile.TemporaryDirectory() as folder:
            sae.save_inference_model(folder)
            return form(SAE.load_from_disk(folder, device=device))

    return peer_protocol.Learner(step, form(sae), exported, lambda: sae.W_dec)


if __name__ == "__main__":
    peer_protocol.serve(build)
