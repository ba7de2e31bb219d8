"""Do our dictionaries and the peers' find the directions that data were made of? Same tokens, same order, same steps.

    python -m benchmarks.recovery [ARCHITECTURE ...] [--law LAW] [--size SIZE] [--rates RATE ...] [--out FILE]

The data are those of tests/support/planted.py, or of correlated_features.py where a law is named; each seed has its own
directions and tokens, and each library its own initial weights. The peers' rate is constant, which did better by them
than one that falls at the end; of several rates each has the one that finds most of the true directions. Ours is our
own. The peers' other settings are told in benchmarks/peers/. Ours is calibrated on tokens of their own. All are
measured by the same function on tokens that nothing saw before.

Axes: T tokens, D width, F features.
"""

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from statistics import mean
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from benchmarks.peers.peer_protocol import Form, found, quality
from benchmarks.peers.process import ARCHITECTURES, GROUPS, TRAINS, peer, present
from models.dictionaries.base import SparseDictionary
from models.dictionaries.config import SAESettings
from models.training.config import TrainingSettings
from models.training.threshold_calibration import calibrate
from models.training.trainer import train
from storage.folder import Folder
from tests.support.correlated_features import LAWS, correlated
from tests.support.planted import Pool, planted

SEEDS = (0, 1, 2)
CALIBRATION = 32_768
"""Tokens on which ours is calibrated."""
INDEPENDENT = "independent"
"""The law of `planted`: a power law with exponent 1/2, and each feature for itself."""
PENALTIES = {
    ("SAELens", "standard"): {"l1_coefficient": 4.9},
    ("SAELens", "gated"): {"l1_coefficient": 4.7},
    ("dictionary_learning", "standard"): {"l1_penalty": 4.7},
    ("dictionary_learning", "gated"): {"l1_penalty": 5.0},
    ("dictionary_learning", "p_anneal"): {"initial_sparsity_penalty": 2.5},
}
"""Sparsity penalties that bring the L0 near k on these data at a rate of 1e-3, where a library cannot be told an L0."""


@dataclass(frozen=True)
class Task:
    """What is to be recovered, from how much, in how many features."""

    law: str = INDEPENDENT

    width: int = 128
    n_true: int = 512
    l0: int = 16
    n_features: int = 1024
    k: int = 16
    batch: int = 1024
    steps: int = 1500
    pool: int = 131_072
    unseen: int = 32_768

    def data(self, seed: int) -> dict[str, Tensor]:
        ends = [self.pool, self.unseen, CALIBRATION]
        shape = (sum(ends), self.width, self.n_true, self.l0, seed)
        directions_FD, x_TD = planted(*shape) if self.law == INDEPENDENT else correlated(self.law, *shape)
        pool_TD, unseen_TD, held_TD = (part_TD.contiguous() for part_TD in x_TD.split(ends))
        return {
            "x_TD": pool_TD,
            "unseen_TD": unseen_TD,
            "held_TD": held_TD,
            "directions_FD": directions_FD,
        }


def _overcomplete(width: int, l0: int) -> Task:
    """Four true features for each dimension and a third more learned ones; 1.2 M tokens, most of them seen twice."""
    return Task(width=width, n_true=4 * width, l0=l0, n_features=16 * width // 3, k=l0, steps=1172, pool=524_288)


SIZES = {
    "default": Task(),
    "small": _overcomplete(64, 4),
    "medium": _overcomplete(96, 6),
    "large": _overcomplete(128, 8),
}


class InOrder(Pool):
    """Tokens as they stand, again and again: the order in which the peers take them."""

    def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
        for step in itertools.count(start):
            first = step * batch % self.n_tokens
            yield self.x_TD[first : first + batch]


def form(sae: SparseDictionary) -> Form:
    """Ours at work, with dense codes."""

    def code(x_TD: Tensor) -> tuple[Tensor, Tensor]:
        codes = sae.encode(x_TD)
        rows, features, acts = codes.fired()
        acts_TF = torch.zeros(len(x_TD), codes.n_features)
        acts_TF[rows, features] = acts
        return acts_TF, sae.decode(codes)

    return code


def ours(architecture: str, task: Task, seed: int, data: dict[str, Tensor]) -> dict[str, float]:
    sae_settings = SAESettings(architecture=architecture, n_features=task.n_features, k=task.k)  # type: ignore[arg-type]
    settings = TrainingSettings(tokens=task.steps * task.batch, batch_tokens=task.batch, seed=seed)
    pool = InOrder(data["x_TD"])
    with tempfile.TemporaryDirectory() as folder:
        sae = train(sae_settings, settings, pool, Folder(folder), lambda row: None).sae
    trained = quality(form(sae), data["unseen_TD"], task.batch)
    row = {"fvu_trained": trained["fvu"], "l0_trained": trained["l0"]}
    exported = calibrate(sae, data["held_TD"].split(task.batch), task.k).sae
    return row | quality(form(exported), data["unseen_TD"], task.batch) | found(data["directions_FD"], sae.W_dec)


def theirs(library: str, architecture: str, task: Task, seed: int, tokens: Path, rate: float) -> dict[str, float]:
    options = {"architecture": architecture, "d_in": task.width, "d_sae": task.n_features, "k": task.k}
    options |= {"batch": task.batch, "lr": rate, "warmup": 0, "decay": 0, "steps": task.steps, "seed": seed}
    options |= {"device": "cpu", "threads": torch.get_num_threads(), "groups": GROUPS}
    options |= {"settings": PENALTIES.get((library, architecture), {})}
    with peer(library, tokens, options) as process:
        process.ask(str(task.steps))
        return process.ask("report")


def runs(
    architectures: Sequence[str], seeds: Sequence[int], task: Task, rates: Sequence[float]
) -> Iterator[dict[str, Any]]:
    """One row for each library that trains the architecture, rate (ours has one) and seed."""
    libraries = ["ours", *present()]
    with tempfile.TemporaryDirectory() as folder:
        tokens = [Path(folder) / f"{seed}.safetensors" for seed in seeds]
        for seed, path in zip(seeds, tokens, strict=True):
            safetensors.torch.save_file(task.data(seed), path)
        for architecture in architectures:
            for library in (name for name in libraries if architecture in TRAINS[name]):
                for rate in (None,) if library == "ours" else rates:
                    for seed, path in zip(seeds, tokens, strict=True):
                        began = time.perf_counter()
                        if rate is None:
                            row = ours(architecture, task, seed, safetensors.torch.load_file(path))
                        else:
                            row = theirs(library, architecture, task, seed, path, rate)
                        seconds = time.perf_counter() - began
                        of = {"law": task.law, "library": library, "architecture": architecture, "rate": rate}
                        yield {**of, "seed": seed, "seconds": seconds, **row}


def best_rate(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of one library and architecture the rows of the rate that recovers most."""
    by_rate = groupby(sorted(rows, key=lambda row: row["rate"] or 0), lambda row: row["rate"])
    return max((list(of_rate) for _, of_rate in by_rate), key=lambda of_rate: mean(row["cosine"] for row in of_rate))


def line(rows: Sequence[dict[str, Any]]) -> str:
    """A row of the table: means over seeds of one library and architecture."""
    means = {
        key: mean(row[key] for row in rows) for key in ("fvu_trained", "fvu", "l0_trained", "l0", "silent", "above")
    }
    cosines = [row["cosine"] for row in rows]
    rate = rows[0]["rate"]
    cells = [
        f"{rows[0]['library']}, {rows[0]['architecture']}{f', {rate:g}' if rate else ''}",
        f"{means['fvu_trained']:.3f}",
        f"{means['fvu']:.3f}",
        f"{means['l0_trained']:.2f}",
        f"{means['l0']:.2f}",
        f"{means['silent']:.1%}",
        f"{mean(cosines):.4f} ({min(cosines):.4f}–{max(cosines):.4f})",
        f"{means['above']:.1%}",
    ]
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] = (), seeds: Sequence[int] = SEEDS, task: Task | None = None) -> None:
    """Prints a row of the table as soon as all its runs are done."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recovery", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("architectures", nargs="*", metavar="ARCHITECTURE", help=", ".join(ARCHITECTURES))
    parser.add_argument("--law", choices=[INDEPENDENT, *LAWS], default=INDEPENDENT, help="how features fire together")
    parser.add_argument("--size", choices=SIZES, default="default")
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3], help="of the peers' Adam")
    parser.add_argument("--out", type=Path, help="a file to which each run adds a line of JSON as soon as it is done")
    given = parser.parse_args(arguments)
    unknown = set(given.architectures) - set(ARCHITECTURES)
    if unknown:
        parser.error(f"no library trains {', '.join(sorted(unknown))}: choose from {', '.join(ARCHITECTURES)}")
    titles = ["library, architecture", "FVU training mode", "FVU exported", "L0 training mode", "L0 exported", "silent"]
    titles += ["mean max cosine (min–max)", "true with cos > .9"]
    header = f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}"
    asked = replace(task or SIZES[given.size], law=given.law)
    every = runs(given.architectures or ARCHITECTURES, seeds, asked, given.rates)
    for _, of_one in groupby(every, lambda row: (row["library"], row["architecture"])):
        rows = []
        for row in of_one:
            rows.append(row)
            if given.out:
                with given.out.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(row) + "\n")
        print(header + "\n" + line(best_rate(rows)) if header else line(best_rate(rows)), flush=True)
        header = ""


if __name__ == "__main__":
    main(sys.argv[1:])
