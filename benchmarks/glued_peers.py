"""The whole chain against SAELens, delphi and SAEDashboard one after the other: same model, tokens, width, k and rate.

`python -m benchmarks glued_peers [TOKENS [FEATURES [TRAINING_TOKENS [PEER …]]]]`; GLASSHOUSE_PEER_PYTHON names an
interpreter that has the three. The peers are given our contexts of full length. Our chain labels every feature by its
lexical explainer, rates and scores the labels and publishes a warehouse; the peers' ends with examples for an LLM that
is not asked and the data of the dashboards.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import safetensors.torch
import torch

from models.training.schedule import default_learning_rate
from pipelines.store.stage_records import stage_records
from pipelines.store.store import Store

MODEL = Path("models/demo").resolve()
WIDTH, BLOCK, K, BATCH, CONTEXT = 256, 2, 32, 4096, 128
CHAIN = ("saelens", "delphi", "dashboard")
KEY = "demo/topk"
RECIPE = """
site: resid_post.{block}
sae: {{architecture: topk, n_features: {n_features}, k: {k}}}
training: {{tokens: {training}, batch_tokens: {batch}}}
statistics: {{keep_feature_activations: true}}
explanations: {{explainer: lexical, judge: lexical, features: all}}
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a program and all that it started."""

    seconds: float
    cpu: float
    peak: float
    """MB, of its largest process."""
    disk: float
    """MB that it left."""


def cost_of(command: list[str], left: Path, environment: dict[str, str]) -> Cost:
    before, began = _disk(left), time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: its error is above")
    seconds = time.perf_counter() - began
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, _disk(left) - before)


def _disk(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def ours(root: Path, n_tokens: int, n_features: int, training: int) -> tuple[Store, Cost]:
    """Our chain, as the command line runs it."""
    for kind in ("models", "recipes"):
        (root / "registry" / kind).mkdir(parents=True)
    card = (
        f"source: {MODEL}\ndtype: float32\ncorpus: {{source: stdlib, tokens: {n_tokens}, context_length: {CONTEXT}}}\n"
    )
    (root / "registry" / "models" / "demo.yaml").write_text(card)
    recipe = RECIPE.format(block=BLOCK, n_features=n_features, k=K, training=training, batch=BATCH)
    (root / "registry" / "recipes" / "topk.yaml").write_text(recipe)
    data = root / "data"
    store = Store(home=str(data), registry=str(root / "registry"), warehouse=str(data / "warehouse.duckdb"))
    places = {"HOME": data, "REGISTRY": root / "registry", "WAREHOUSE": data / "warehouse.duckdb"}
    environment = {f"GLASSHOUSE_{name}": str(place) for name, place in places.items()}
    environment |= {"DAGSTER_HOME": str(root / "dagster"), "HF_HUB_OFFLINE": "1"}
    data.mkdir()
    cost = cost_of([str(Path(sys.executable).parent / "glasshouse"), "run"], data, environment)
    peaks = [record.last.peak_memory_bytes or 0 for record in stage_records(store.layout)]
    return store, replace(cost, peak=max(cost.peak, max(peaks) / 1e6))


def full_contexts(store: Store) -> torch.Tensor:
    """Token ids [contexts, positions]."""
    contexts = store.datasets.contexts(store.datasets.trained(store.registration(KEY)))
    rows = [context.token_ids.tolist() for context in contexts if len(context.token_ids) == CONTEXT]
    return torch.tensor(rows, dtype=torch.int32)


def peers(
    python: str, root: Path, token_ids: torch.Tensor, n_features: int, training: int, chain: Sequence[str]
) -> dict[str, Cost]:
    work = root / "peers"
    work.mkdir()
    safetensors.torch.save_file({"token_ids": token_ids}, root / "tokens.safetensors")
    options = {"training_tokens": training, "batch": BATCH, "n_features": n_features, "k": K, "block": BLOCK}
    options |= {"hook": f"blocks.{BLOCK}.hook_resid_post", "lr": default_learning_rate(WIDTH)}
    scripts = Path(__file__).parent / "peers"
    given = [str(MODEL), str(root / "tokens.safetensors"), str(work), json.dumps(options)]
    return {
        name: cost_of([python, str(scripts / f"glued_{name}.py"), *given], work, {"HF_HUB_OFFLINE": "1"})
        for name in chain
    }


def row(name: str, cost: Cost, against: Cost) -> str:
    ratio = f"{cost.seconds / against.seconds:.1f} | {cost.peak / against.peak:.1f}"
    return f"| {name} | {cost.seconds:,.0f} | {cost.cpu:,.0f} | {cost.peak:,.0f} | {cost.disk:,.0f} | {ratio} |"


def main(arguments: list[str] | None = None) -> None:
    given = sys.argv[2:] if arguments is None else arguments
    numbers = [int(text) for text in given if text.isdigit()]
    chain = [name for name in CHAIN if name in given] or CHAIN
    n_tokens, n_features, training = (*numbers, *(150_000, 1024, 600_000)[len(numbers) :])
    python = os.environ.get("GLASSHOUSE_PEER_PYTHON")
    if not python:
        sys.exit("GLASSHOUSE_PEER_PYTHON names no interpreter that has SAELens, delphi and SAEDashboard")
    print(f"{n_tokens:,} tokens, F {n_features:,}, k {K}, {training:,} tokens of training, {os.cpu_count()} CPUs\n")
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        store, own = ours(root, n_tokens, n_features, training)
        token_ids = full_contexts(store)
        print(f"the peers read {token_ids.numel():,} tokens in contexts of full length\n")
        print("| chain | seconds | CPU s | peak MB | MB on disk | x ours, time | x ours, memory |")
        print("|---|---|---|---|---|---|---|")
        print(row("ours", own, own), flush=True)
        found = peers(python, root, token_ids, n_features, training, chain)
        for name, cost in found.items():
            print(row(name, cost, own), flush=True)
        whole = Cost(
            sum(cost.seconds for cost in found.values()),
            sum(cost.cpu for cost in found.values()),
            max(cost.peak for cost in found.values()),
            sum(cost.disk for cost in found.values()),
        )
        print(row("the peers", whole, own), flush=True)
