"""A step of a cross-layer transcoder: ours, the same in plain dense torch, and crosslayer-coding's, in turn.

BatchTopK with k a token and block, Adam, float32; all see the same batches, whose rows are sparse features of each
block written to it and to later ones. `GLASSHOUSE_PEER_CLT_PYTHON` names a Python that has crosslayer-coding.

Axes: T tokens, D width of a block, F features of a block.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from benchmarks.peers.process import ENVIRONMENTS, peer
from benchmarks.train_step import Cost, in_turn
from models.device import default_device
from models.dictionaries.config import SAESettings
from models.dictionaries.cross_layer_training import CrossLayerTranscoder
from models.dictionaries.normalization import fit_normalization
from models.training.config import TrainingSettings
from models.training.run import TrainingRun
from models.training.schedule import TrainingSchedule

STEPS = 1_000
PEER = "crosslayer-coding"


def sparse_blocks(tokens: int, blocks: int, width: int, n_true: int, l0: int) -> Tensor:
    """What is read by all blocks and what is written to them, side by side: [T, 2 L D]."""
    chance = torch.Generator().manual_seed(0)
    directions = [torch.randn(n_true, width * (1 + blocks - own), generator=chance) for own in range(blocks)]
    read, written = [], torch.zeros(tokens, blocks * width)
    for own, rows in enumerate(directions):
        fires = torch.rand(tokens, n_true, generator=chance) < l0 / n_true
        acts_TN = fires * (0.5 + torch.rand(tokens, n_true, generator=chance))
        read.append(acts_TN @ rows[:, :width])
        written[:, own * width :] += acts_TN @ rows[:, width:]
    return torch.cat([*read, written], dim=1)


class DenseSteps:
    """The same loss with every pre-activation and every code kept, as a first version is written."""

    def __init__(self, clt: CrossLayerTranscoder, rate: float) -> None:
        self.k, self.widths = clt.of_blocks[0].k, clt.widths
        self.blocks = [
            tuple(p.detach().clone().requires_grad_() for p in (b.encoder_FD, b.b_enc, b.W_dec)) for b in clt.of_blocks
        ]
        self.b_dec = torch.zeros_like(clt.b_dec, requires_grad=True)
        self.adam = torch.optim.Adam([self.b_dec, *(p for block in self.blocks for p in block)], rate, fused=True)

    def step(self, x_TD: Tensor, y_TE: Tensor) -> None:
        width, written = x_TD.shape[1] // len(self.blocks), [self.b_dec.expand_as(y_TE)]
        for own, (encoder_FD, b_enc, W_dec) in enumerate(self.blocks):
            pre_TF = (x_TD[:, own * width : (own + 1) * width] @ encoder_FD.T + b_enc).relu()
            least = pre_TF.detach().flatten().topk(self.k * len(x_TD)).values[-1]
            part = (pre_TF * (pre_TF >= least)) @ W_dec
            written.append(torch.nn.functional.pad(part, (y_TE.shape[1] - part.shape[1], 0)))
        error = (y_TE - torch.stack(written).sum(0)).square().sum(0)
        spread = (y_TE - y_TE.mean(0)).square().sum(0)
        loss = sum(e.sum() / s.sum() for e, s in zip(error.split(self.widths), spread.split(self.widths), strict=True))
        self.adam.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        self.adam.step()


def timed(once: Callable[[], None], device: torch.device) -> Callable[[], Cost]:
    def cost() -> Cost:
        began, used = time.perf_counter(), time.process_time()
        once()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - began, time.process_time() - used

    return cost


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clt_step", description=(__doc__ or "").split("\n")[0])
    for name, default in (("blocks", 6), ("width", 256), ("features", 2048), ("batch", 1024), ("k", 16)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args(arguments)
    device, n, width = default_device(), given.blocks, given.width
    rows = sparse_blocks(8 * given.batch, n, width, 2 * width, given.k // 2).to(device)
    asked = SAESettings(
        architecture="cross_layer_transcoder",
        activation="batchtopk",
        n_features=given.features,
        k=given.k,
        output_site="mlp_out.*",
    )
    clt = CrossLayerTranscoder.build(asked, [width] * n, [width] * n, torch.Generator().manual_seed(0))
    settings = TrainingSettings(tokens=STEPS * given.batch, batch_tokens=given.batch)
    plan = TrainingSchedule.of(settings, width, device, clt.mean_density)
    scalings = fit_normalization([rows], *[width] * 2 * n)
    dense = DenseSteps(clt.to(device), plan.peak)
    run = TrainingRun(clt, scalings, plan, device)
    ours, plain = cycle(rows.split(given.batch)), cycle(_scaled(run, rows).split(given.batch))

    def dense_step() -> None:
        dense.step(*next(plain).chunk(2, dim=1))

    ways = {
        "ours": timed(lambda: _run(run, ours), device),
        "dense torch": timed(dense_step, device),
    }
    with ExitStack() as stack:
        if os.environ.get(ENVIRONMENTS[PEER][0]):
            tokens = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "tokens.safetensors"
            safetensors.torch.save_file({"x_TD": rows.cpu(), "unseen_TD": rows[: given.batch].cpu().clone()}, tokens)
            options = {"blocks": n, "d_in": width, "d_sae": given.features, "k": given.k, "batch": given.batch}
            options |= {"lr": plan.peak, "steps": STEPS, "seed": 0, "device": device.type}
            process = stack.enter_context(peer(PEER, tokens, options | {"threads": torch.get_num_threads()}))
            ways[PEER] = lambda: (process.ask("1"), process.ask("cpu"))
        costs = in_turn(ways)
    print(f"{n} blocks of {width}, F {given.features} a block, B {given.batch}, k {given.k}, {device.type}")
    for way, (clock, cpu) in costs.items():
        ratios = f"{clock / costs['ours'][0]:6.2f} x ours by the clock, {cpu / costs['ours'][1]:6.2f} x by the CPU"
        print(f"{way:20s} {clock * 1e3:9.1f} ms {cpu * 1e3:9.1f} CPU-ms  {ratios}", flush=True)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"largest memory of this process, ours and dense: {most} MiB")


def _run(run: TrainingRun, batches: Iterator[Tensor]) -> None:
    run.advance(next(batches))


def _scaled(run: TrainingRun, rows: Tensor) -> Tensor:
    parts = rows.split([len(s.mean_D) for s in run.scalings], dim=1)
    return torch.cat([s.apply(part) for s, part in zip(run.scalings, parts, strict=True)], dim=1)


if __name__ == "__main__":
    main(sys.argv[1:])
