"""Runs in an environment that has dictionary_learning, not ours: its trainers' own `update`, on the tokens of a file,
as many steps as it is told (see peer_protocol.py).

Sparsity penalties rise over 5 % of the run; a feature is dead after as long, and thresholds are estimated in the run's
second half, where the library's own 10 M tokens and 1,000 steps are too many for a short one. All else is the library's
default, but for p-annealing, which is set as in its authors' sweep.
"""

# pyright: reportMissingImports=false
from typing import Any

import peer_protocol
import torch
from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
from dictionary_learning.trainers.gdm import GatedSAETrainer
from dictionary_learning.trainers.jumprelu import JumpReLUFunction, JumpReluTrainer
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKTrainer
from dictionary_learning.trainers.p_anneal import PAnnealTrainer
from dictionary_learning.trainers.standard import StandardTrainerAprilUpdate
from dictionary_learning.trainers.top_k import TopKTrainer

TRAINERS = {
    "standard": StandardTrainerAprilUpdate,
    "p_anneal": PAnnealTrainer,
    "gated": GatedSAETrainer,
    "topk": TopKTrainer,
    "batchtopk": BatchTopKTrainer,
    "matryoshka_batchtopk": MatryoshkaBatchTopKTrainer,
    "jumprelu": JumpReluTrainer,
}


def settings(architecture: str, groups: list[float], k: int, steps: int) -> dict[str, Any]:
    """What the trainer wants to be told besides sizes and rate."""
    penalty = {"sparsity_warmup_steps": steps // 20}
    batchtopk = {"k": k, "threshold_start_step": steps // 2}
    return {
        "standard": penalty,
        "p_anneal": penalty | {"sparsity_function": "Lp^p", "p_end": 0.2, "anneal_start": steps // 10},
        "gated": penalty,
        "topk": {"k": k},
        "batchtopk": batchtopk,
        "matryoshka_batchtopk": batchtopk | {"group_fractions": groups},
        "jumprelu": penalty | {"target_l0": k},
    }[architecture]


def build(options: dict[str, Any]) -> peer_protocol.Learner:
    architecture, steps = options["architecture"], options["steps"]
    wanted = {
        "steps": steps,
        "activation_dim": options["d_in"],
        "dict_size": options["d_sae"],
        "lr": options["lr"],
        "warmup_steps": options["warmup"],
        "decay_start": steps - options["decay"] if options["decay"] else None,
        "seed": options["seed"],
        "device": options["device"],
        "layer": 0,
        "lm_name": "none",
    }
    wanted |= settings(architecture, options["groups"], options["k"], steps) | options["settings"]
    trainer: Any = TRAINERS[architecture](**wanted)
    trainer.dead_feature_threshold = steps * options["batch"] // 20
    ae = trainer.ae

    def trained(x_TD: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if architecture in ("batchtopk", "matryoshka_batchtopk"):
            acts_TF = ae.encode(x_TD, use_threshold=False)
        elif architecture == "jumprelu":
            acts_TF = JumpReLUFunction.apply(x_TD @ ae.W_enc + ae.b_enc, ae.threshold, trainer.bandwidth)
        else:
            acts_TF = ae.encode(x_TD)
        return acts_TF, ae.decode(acts_TF)

    def exported(x_TD: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The library saves the weights as they are; whoever loads them calls `encode` as it stands."""
        acts_TF = ae.encode(x_TD)
        return acts_TF, ae.decode(acts_TF)

    return peer_protocol.Learner(
        trainer.update,
        trained,
        lambda: exported,
        lambda: ae.W_dec if hasattr(ae, "W_dec") else ae.decoder.weight.T,
    )


if __name__ == "__main__":
    peer_protocol.serve(build)
