"""What a peer's process is told on standard input and what it answers, a line each, in JSON; needs torch alone.

    N       does N training steps; how many seconds they took
    cpu     CPU seconds that all threads of the process used in them
    fvu     fraction of the unseen tokens' variance that is unexplained in training mode
    report  `Learner.report`

The file with the tokens holds x_TD, in the order of training, unseen_TD and, where they are known, directions_FD.

Axes: T tokens, D width, F features.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

Form = Callable[[Tensor], tuple[Tensor, Tensor]]
"""A dictionary at work: from activations [T, D] to codes [T, F] and reconstructions [T, D]."""


@torch.no_grad()
def quality(form: Form, x_TD: Tensor, batch: int) -> dict[str, float]:
    """Unexplained fraction of the variance, features per token, and fraction of the features that never fire; the
    tokens are taken a batch at a time, as in training."""
    error, fired, silent = 0.0, 0, torch.tensor(True)
    for part_TD in x_TD.split(batch):
        acts_TF, guess_TD = form(part_TD)
        error += float((part_TD - guess_TD).double().square().sum())
        fires_TF = acts_TF != 0
        fired += int(fires_TF.sum())
        silent = silent.to(fires_TF.device) & ~fires_TF.any(0)
    spread = float((x_TD.double() - x_TD.double().mean(0)).square().sum())
    return {"fvu": error / spread, "l0": fired / len(x_TD), "silent": float(silent.double().mean())}


@torch.no_grad()
def found(directions_FD: Tensor, W_dec: Tensor) -> dict[str, float]:
    """Mean over the true directions of the best cosine with a learned one, and fraction whose best exceeds .9."""
    best_F = (directions_FD @ torch.nn.functional.normalize(W_dec, dim=1).T).amax(1)
    return {"cosine": float(best_F.mean()), "above": float((best_F > 0.9).double().mean())}


@dataclass
class Learner:
    """A dictionary in training, whatever library it is of."""

    step: Callable[[int, Tensor], Any]
    """One training step, counted from 0, on one batch."""
    trained: Form
    """In training mode: what a loss sees."""
    exported: Callable[[], Form]
    """As the library saves it for use."""
    W_dec: Callable[[], Tensor]
    """[F, D]"""

    def report(self, unseen_TD: Tensor, batch: int, directions_FD: Tensor | None) -> dict[str, float]:
        trained, exported = quality(self.trained, unseen_TD, batch), quality(self.exported(), unseen_TD, batch)
        report = {"fvu_trained": trained["fvu"], "l0_trained": trained["l0"], **exported}
        return report if directions_FD is None else report | found(directions_FD, self.W_dec())


def serve(build: Callable[[dict[str, Any]], Learner]) -> None:
    """Builds from the options, then does as it is told until the input ends; what the library prints goes to standard
    error.

    The command line is tokens.safetensors and JSON: architecture; d_in; d_sae; k; batch; lr; steps; warmup and decay,
    the steps in which the rate rises and falls; seed; device; threads; groups, shares of the features for a Matryoshka
    dictionary; settings, the library's own, over those of the script.
    """
    tokens, options = load_file(sys.argv[1]), json.loads(sys.argv[2])
    torch.set_num_threads(options["threads"])
    torch.manual_seed(options["seed"])
    device, batch = options["device"], options["batch"]
    tokens = {name: tensor.to(device) for name, tensor in tokens.items()}
    x_TD, answers = tokens["x_TD"], sys.stdout
    done, cpu = 0, 0.0
    with contextlib.redirect_stdout(sys.stderr):
        learner = build(options)
        for line in sys.stdin:
            match line.strip():
                case "cpu":
                    answer: Any = cpu
                case "fvu":
                    answer = quality(learner.trained, tokens["unseen_TD"], batch)["fvu"]
                case "report":
                    answer = learner.report(tokens["unseen_TD"], batch, tokens.get("directions_FD"))
                case number:
                    began, used = time.perf_counter(), time.process_time()
                    for _ in range(int(number)):
                        first = done * batch % len(x_TD)
                        learner.step(done, x_TD[first : first + batch])
                        done += 1
                    if device == "cuda":
                        torch.cuda.synchronize()
                    answer, cpu = time.perf_counter() - began, time.process_time() - used
            print(json.dumps(answer), file=answers, flush=True)
