"""One training step: against the bare encoder product, and against the peers' for every architecture.

    python -m benchmarks.train_step [ARCHITECTURE ...] [--features N] [--after STEPS]

Aims on a CPU: a float32 TopK step takes at most 1.5 x the float32 product; with bfloat16 products at least 5 x the
tokens a second of the better peer, at no worse FVU after as many tokens. What a peer's step costs does not depend on
how sparse its codes are; ours does, and most codes become sparse only in training: `--after` measures ours after so
many steps.

Axes: T tokens, D width, F features.
"""

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from benchmarks.peers.process import ARCHITECTURES, GROUPS, TRAINS, Peer, peer, present
from benchmarks.side_by_side import medians, table
from models.device import default_device
from models.dictionaries.config import SAESettings
from models.dictionaries.normalization import fit_normalization
from models.dictionaries.registry import architecture
from models.training.config import TrainingSettings
from models.training.run import TrainingRun
from models.training.schedule import TrainingSchedule
from tests.support.planted import fvu

PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12}
"""Dense bfloat16 operations a second that the maker states."""
STEPS = 150
"""Length of the run after which FVUs are compared."""
WARM, ROUNDS = 3, 5
Cost = tuple[float, float]
"""Seconds by the clock, and CPU seconds of all threads."""


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
        settings = TrainingSettings(tokens=STEPS * batch, batch_tokens=batch, encoder_matmul_dtype=matmul)  # type: ignore[arg-type]
        built = architecture(sae.architecture).build(sae, x_TD.shape[1], torch.Generator().manual_seed(0))
        plan = TrainingSchedule.of(settings, x_TD.shape[1], device, built.mean_density)
        scaling = fit_normalization([x_TD], x_TD.shape[1])[0]
        self.run = TrainingRun(built, [scaling], plan, device)
        self.batches: Iterator[Tensor] = itertools.cycle(x_TD.to(device).split(batch))

    def steps(self, n: int) -> None:
        for x_TD in itertools.islice(self.batches, n):
            self.run.advance(x_TD)
        settled(self.run.device)

    def cost(self) -> Cost:
        began, used = time.perf_counter(), time.process_time()
        self.steps(1)
        return time.perf_counter() - began, time.process_time() - used

    @torch.no_grad()
    def fvu(self, unseen_TD: Tensor) -> float:
        sae, unseen_TD = self.run.sae.folded(*self.run.scalings), unseen_TD.to(self.run.device)
        return fvu(unseen_TD, torch.cat([sae(x_TD) for x_TD in unseen_TD.split(self.run.plan.batch_tokens)]))


class Bench:
    """Tokens, sizes and a device that every comparison of one call is made on."""

    def __init__(self, width: int, batch: int, k: int, device: torch.device) -> None:
        pool = sparse_mixture(24 * batch, width)
        self.x_TD, self.unseen_TD = pool[: 20 * batch].clone(), pool[20 * batch :][:8192].clone()
        self.width, self.batch, self.k, self.device = width, batch, k, device
        self.libraries = present()

    def ours(self, name: str, n_features: int, matmul: str) -> Ours:
        sae = SAESettings(architecture=name, n_features=n_features, k=self.k)  # type: ignore[arg-type]
        return Ours(self.x_TD, sae, self.batch, matmul, self.device)

    def against_product(self, n_features: int) -> None:
        """Prints times of the encoder's product and of a TopK step."""
        print(
            f"\nd {self.width}, F {n_features:,}, B {self.batch:,}, k {self.k}, {self.device.type}, "
            f"{torch.get_num_threads()} threads",
            flush=True,
        )
        left_TD = self.x_TD[: self.batch].to(self.device)
        encoder_FD = torch.randn(n_features, self.width, device=self.device)
        halves = left_TD.bfloat16(), encoder_FD.bfloat16().T
        runs = {matmul: self.ours("topk", n_features, matmul) for matmul in ("float32", "bfloat16")}

        def product(left: Tensor, right: Tensor) -> None:
            torch.mm(left, right)
            settled(self.device)

        ways: dict[str, Callable[[], object]] = {
            "product float32": lambda: product(left_TD, encoder_FD.T),
            "product bfloat16": lambda: product(*halves),
            "step float32": lambda: runs["float32"].steps(1),
            "step bfloat16": lambda: runs["bfloat16"].steps(1),
        }
        seconds = medians(ways, rounds=7, warm=2)
        table(seconds, "product float32", self.batch, "tokens")
        print(f"step / product: float32 {seconds['step float32'] / seconds['product float32']:.2f}", end="")
        print(f", bfloat16 {seconds['step bfloat16'] / seconds['product bfloat16']:.2f}", flush=True)
        if self.device.type == "cuda":
            flops = 2 * self.batch * self.width * n_features
            peak = next((p for name, p in PEAK.items() if name in torch.cuda.get_device_name()), float("nan"))
            print(f"of the stated peak: product {flops / seconds['product bfloat16'] / peak:.2f}", end="")
            print(f", step (counting the encoder's product alone) {flops / seconds['step bfloat16'] / peak:.2f}")

    def against_peers(self, name: str, n_features: int, after: int, *, quality: bool) -> list[str]:
        """Rows of the table for one architecture; prints the FVUs after STEPS steps too where `quality` is wanted."""
        matmuls = ("auto", "float32") if name in TRAINS["ours"] else ()
        runs = {f"ours {matmul}": self.ours(name, n_features, matmul) for matmul in matmuls}
        for run in runs.values():
            run.steps(after)
        ways: dict[str, Callable[[], Cost]] = {way: run.cost for way, run in runs.items()}
        settings = TrainingSettings(tokens=STEPS * self.batch, batch_tokens=self.batch)
        plan = TrainingSchedule.of(settings, self.width, self.device, self.k / n_features)
        options = {"architecture": name, "d_in": self.width, "d_sae": n_features, "k": self.k, "batch": self.batch}
        options |= {"lr": plan.peak, "warmup": plan.warmup, "decay": STEPS - plan.decay, "steps": STEPS, "seed": 0}
        options |= {"device": self.device.type, "settings": {}}
        options |= {"threads": torch.get_num_threads(), "groups": GROUPS}
        with ExitStack() as stack:
            tokens = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "tokens.safetensors"
            safetensors.torch.save_file({"x_TD": self.x_TD, "unseen_TD": self.unseen_TD}, tokens)
            libraries = [library for library in self.libraries if name in TRAINS[library]]
            peers = {library: stack.enter_context(peer(library, tokens, options)) for library in libraries}
            ways |= {library: lambda process=process: _cost(process) for library, process in peers.items()}
            costs = in_turn(ways)
            if quality:
                fvus = {}
                for way, run in runs.items():
                    run.steps(STEPS - run.run.step)
                    fvus[way] = run.fvu(self.unseen_TD)
                for library, process in peers.items():
                    process.ask(str(STEPS - WARM - ROUNDS))
                    fvus[library] = process.ask("fvu")
                print(
                    f"{name}, F {n_features:,}: FVU after {STEPS * self.batch:,} tokens at one rate and schedule:",
                    fvus,
                    flush=True,
                )
        return rows(f"{name} | {n_features:,}", costs, self.batch)


def _cost(process: Peer) -> Cost:
    return process.ask("1"), process.ask("cpu")


def in_turn(ways: dict[str, Callable[[], Cost]]) -> dict[str, Cost]:
    """Median costs of each way over the rounds, A B C A B C …, after those that do not count."""
    costs: dict[str, list[Cost]] = {way: [] for way in ways}
    for _ in range(WARM + ROUNDS):
        for way, once in ways.items():
            costs[way].append(once())
    counted = {way: zip(*all_[WARM:], strict=True) for way, all_ in costs.items()}
    return {way: (statistics.median(clock), statistics.median(cpu)) for way, (clock, cpu) in counted.items()}


def rows(what: str, costs: dict[str, Cost], batch: int) -> list[str]:
    """A line of Markdown for each way: tokens a second, tokens a CPU second, and both over the better peer's."""
    rates = {way: (batch / clock, batch / cpu) for way, (clock, cpu) in costs.items()}
    peers = [rate for way, rate in rates.items() if not way.startswith("ours")]
    lines = []
    for way, (clock, cpu) in rates.items():
        ratios = " | "
        if way.startswith("ours") and peers:
            ratios = f"{clock / max(c for c, _ in peers):.2f} | {cpu / max(c for _, c in peers):.2f}"
        lines.append(f"| {what} | {way} | {clock:,.0f} | {cpu:,.0f} | {ratios} |")
    return lines


HEADER = "| architecture | F | way | tokens/s | tokens/CPU-s | × better peer | × better peer, CPU |\n|" + "---|" * 7


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_step", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("architectures", nargs="*", metavar="ARCHITECTURE", help=", ".join(ARCHITECTURES))
    parser.add_argument("--features", type=int, help="one width instead of 4,096, 8,192 and 16,384")
    parser.add_argument("--after", type=int, default=0, help=f"steps of ours before the clock starts (below {STEPS})")
    given = parser.parse_args(arguments)
    unknown = set(given.architectures) - set(ARCHITECTURES)
    if unknown:
        parser.error(f"no library trains {', '.join(sorted(unknown))}: choose from {', '.join(ARCHITECTURES)}")
    if not 0 <= given.after <= STEPS - WARM - ROUNDS:
        parser.error(f"--after {given.after} leaves no step of {STEPS} to measure: {STEPS - WARM - ROUNDS} at most")
    device = default_device()
    on_gpu = device.type == "cuda"
    bench = Bench(2304, 8192, 64, device) if on_gpu else Bench(512, 2048, 32, device)
    lines = [HEADER]
    for n_features in [given.features] if given.features else [65_536] if on_gpu else [4096, 8192, 16_384]:
        few = ("topk", "batchtopk") if n_features > 8192 and not given.features else ARCHITECTURES
        for name in given.architectures or few:
            if name == "topk":
                bench.against_product(n_features)
            quality = name in ("topk", "batchtopk") and n_features == 4096
            lines += bench.against_peers(name, n_features, given.after, quality=quality)
            print(f"{name}, F {n_features:,} measured", flush=True)
    print("\n" + "\n".join(lines), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
