"""One training step against the bare encoder product, and against SAELens where GLASSHOUSE_PEER_PYTHON has it.

Aims on a CPU: a float32 step takes at most 1.5 x the float32 product; with bfloat16 products at least 5 x SAELens's
tokens a second, at no worse FVU after as many tokens.

Axes: T tokens, D width, F features.
"""

import itertools
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from benchmarks.side_by_side import medians, table
from models.device import best_device
from models.dictionary import architecture
from models.plan import Plan
from models.scaling import measure
from models.settings import SAESettings, TrainingSettings
from models.training import Run

PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12}
"""Dense bfloat16 operations a second that the maker states."""
STEPS = 150
"""Length of the run after which FVUs are compared."""


def sparse_mixture(n: int, width: int, n_true: int = 2048, l0: float = 24) -> Tensor:
    """Vectors that a sparse dictionary can learn: sums of few of many directions, some of them far more often than
    others."""
    chance = torch.Generator().manual_seed(0)
    directions_FD = torch.nn.functional.normalize(torch.randn(n_true, width, generator=chance), dim=1)
    often_F = (torch.arange(n_true) + 1.0) ** -0.5
    often_F = (often_F * l0 / often_F.sum()).clamp_max(1)
    parts = []
    for begin in range(0, n, 4096):
        rows = min(4096, n - begin)
        strengths_TF = torch.rand(rows, n_true, generator=chance) + 0.5
        parts.append((torch.rand(rows, n_true, generator=chance) < often_F) * strengths_TF @ directions_FD)
    x_TD = torch.cat(parts)
    return x_TD * (width / x_TD.square().sum(1).mean()).sqrt()


def settled(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


class Ours:
    """A run of ours that is fed batch after batch."""

    def __init__(self, x_TD: Tensor, sae: SAESettings, batch: int, matmul: str, device: torch.device) -> None:
        settings = TrainingSettings(tokens=STEPS * batch, batch=batch, matmul=matmul)  # type: ignore[arg-type]
        built = architecture("topk").build(sae, x_TD.shape[1], torch.Generator().manual_seed(0))
        plan = Plan.of(settings, x_TD.shape[1], device)
        self.run = Run(built, measure([x_TD], x_TD.shape[1]), plan, device)
        self.batches: Iterator[Tensor] = itertools.cycle(x_TD.to(device).split(batch))

    def steps(self, n: int) -> None:
        for x_TD in itertools.islice(self.batches, n):
            self.run.advance(x_TD)
        settled(self.run.device)

    def fvu(self, unseen_TD: Tensor) -> float:
        sae = self.run.trained().sae
        unseen_TD = unseen_TD.to(self.run.device)
        error = (unseen_TD - sae(unseen_TD)).double().square().sum()
        return float(error / (unseen_TD - unseen_TD.mean(0)).double().square().sum())


class Peer:
    """SAELens in its own process and environment, told how many steps to do."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, command: str) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(command, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"SAELens stopped with exit status {self.process.wait()}: its error is above")
        return float(answer)


@contextmanager
def saelens(x_TD: Tensor, unseen_TD: Tensor, options: dict[str, Any]) -> Iterator[Peer | None]:
    """SAELens training on the same tokens; None where there is no environment that has it."""
    python = os.environ.get("GLASSHOUSE_PEER_PYTHON")
    if not python:
        yield None
        return
    script = Path(__file__).parent / "peers" / "saelens_steps.py"
    with tempfile.TemporaryDirectory() as folder:
        tokens = Path(folder) / "tokens.safetensors"
        safetensors.torch.save_file({"x_TD": x_TD, "unseen_TD": unseen_TD.contiguous()}, tokens)
        command = [python, str(script), str(tokens), json.dumps(options)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
            yield Peer(process)
            assert process.stdin is not None
            process.stdin.close()


def compare(width: int, n_features: int, batch: int, k: int, device: torch.device, *, quality: bool) -> None:
    """Prints times of the product and of a step, ours and the peer's, and FVUs after as many tokens."""
    print(
        f"\nd {width}, F {n_features:,}, B {batch:,}, k {k}, {device.type}, {torch.get_num_threads()} threads",
        flush=True,
    )
    pool = sparse_mixture(24 * batch, width)
    x_TD, unseen_TD = pool[: 20 * batch].clone(), pool[20 * batch :][:8192]
    sae = SAESettings(n_features=n_features, k=k)
    left_TD = x_TD[:batch].to(device)
    encoder_FD = torch.randn(n_features, width, device=device)
    halves = left_TD.bfloat16(), encoder_FD.bfloat16().T
    ours = {matmul: Ours(x_TD, sae, batch, matmul, device) for matmul in ("float32", "bfloat16")}
    plan = ours["bfloat16"].run.plan
    options = {"d_in": width, "d_sae": n_features, "k": k, "batch": batch, "lr": plan.peak, "steps": STEPS}
    options |= {"device": device.type, "threads": torch.get_num_threads()}

    def product(left: Tensor, right: Tensor) -> None:
        torch.mm(left, right)
        settled(device)

    ways: dict[str, Callable[[], object]] = {
        "product float32": lambda: product(left_TD, encoder_FD.T),
        "product bfloat16": lambda: product(*halves),
        "step float32": lambda: ours["float32"].steps(1),
        "step bfloat16": lambda: ours["bfloat16"].steps(1),
    }
    with saelens(x_TD, unseen_TD, options) as peer, torch.no_grad():
        if peer:
            ways["step SAELens"] = lambda: peer.ask("1")
        with torch.enable_grad():
            seconds = medians(ways, rounds=7, warm=2)
        table(seconds, "product float32", batch, "tokens")
        print(f"step / product: float32 {seconds['step float32'] / seconds['product float32']:.2f}", end="")
        print(f", bfloat16 {seconds['step bfloat16'] / seconds['product bfloat16']:.2f}", flush=True)
        if device.type == "cuda":
            flops = 2 * batch * width * n_features
            peak = next((p for name, p in PEAK.items() if name in torch.cuda.get_device_name()), float("nan"))
            print(f"of the stated peak: product {flops / seconds['product bfloat16'] / peak:.2f}", end="")
            print(f", step (counting the encoder's product alone) {flops / seconds['step bfloat16'] / peak:.2f}")
        if peer:
            print(f"SAELens / ours (bfloat16): {seconds['step SAELens'] / seconds['step bfloat16']:.1f}", flush=True)
        if quality:
            for run in ours.values():
                with torch.enable_grad():
                    run.steps(STEPS - run.run.step)
            fvus = {f"ours {matmul}": run.fvu(unseen_TD) for matmul, run in ours.items()}
            if peer:
                peer.ask(str(STEPS - 9))
                fvus["SAELens"] = peer.ask("fvu")
            print(f"FVU after {STEPS * batch:,} tokens, same rate and schedule:", fvus, flush=True)


def main() -> None:
    device = best_device()
    if device.type == "cuda":
        compare(2304, 65_536, 8192, 64, device, quality=False)
        return
    compare(512, 4096, 2048, 32, device, quality=True)
    compare(512, 8192, 2048, 32, device, quality=False)
