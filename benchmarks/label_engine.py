"""Labels and ratings of 10,000 features against a provider on this machine: the engine beside a bare loop of the same
requests, and the engine killed ten times.

    python -m benchmarks label_engine
    python -m benchmarks.label_engine --features 2000 --latency 0.2 --concurrency 64
"""

import argparse
import asyncio
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pyarrow as pa

from models.autointerp.assembly import LabelingSetup
from models.autointerp.config import ExplanationSettings
from models.autointerp.cost_estimate import DryRunLLM
from models.autointerp.feature_data import FeatureData
from models.autointerp.llm_access import provider_llm
from models.autointerp.llm_client.prices import price_of
from models.autointerp.llm_client.provider_access import ProviderAccess
from models.autointerp.llm_client.request_ledger import RequestLedger
from models.autointerp.llm_client.runner import AskingJob, Result
from models.autointerp.progress import Progress, no_progress
from models.autointerp.stages import label_features, rate_labels
from storage.folder import Folder

LLM, PAYER, KEY = "claude-haiku-4-5", "bench/labels", "a-key"
KILLS = 10
WORDS = [f" word{i}" for i in range(500)]


N_DOCUMENTS = 97
"""So many that windows of one feature are of different ones."""


def settings(concurrency: int) -> ExplanationSettings:
    return ExplanationSettings(
        explainer="anthropic", judge="anthropic", llm=LLM, budget_usd=10_000, concurrency=concurrency
    )


def examples(n_features: int, windows: int = 12, controls: int = 8, width: int = 32) -> pa.Table:
    """Made-up windows: half of them of documents that explain, half of documents that score."""
    draw = np.random.default_rng(0)
    n = n_features * (windows + controls)
    number = np.arange(n)
    feature, rank = number // (windows + controls), number % (windows + controls)
    control = rank >= windows
    words = pa.DictionaryArray.from_arrays(pa.array(draw.integers(0, len(WORDS), n * width), pa.int32()), WORDS)
    offsets = pa.array(np.arange(n + 1) * width, pa.int32())
    acts = np.zeros((n, width), np.float32)
    acts[:, width // 2] = np.where(control, 0.0, 1.0 + rank)
    return pa.table(
        {
            "feature_id": pa.array(feature, pa.int32()),
            "kind": pa.array(np.where(control, "control", "interval")),
            "interval_index": pa.array(np.where(control, 0, rank % 10), pa.int32(), mask=control),
            "rank": pa.array(rank, pa.int32()),
            "example_id": pa.array([f"{i:016x}" for i in number]),
            "context_id": pa.array(number, pa.int64()),
            "document_id": pa.array([f"text {i % N_DOCUMENTS}" for i in number]),
            "position": pa.array(np.full(n, 40), pa.int64()),
            "activation": pa.array(acts.max(axis=1).astype(np.float64)),
            "tokens": pa.ListArray.from_arrays(offsets, words.dictionary_decode()),
            "activations": pa.ListArray.from_arrays(offsets, pa.array(acts.ravel())),
            "peak": pa.array(np.full(n, width // 2), pa.int32()),
        }
    )


@contextmanager
def provider(latency: float) -> Iterator[str]:
    """A server in a process of its own; its address."""
    command = [sys.executable, "-m", "benchmarks.messages_process", "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def counts(url: str) -> dict[str, Any]:
    with urlopen(f"{url}/counts") as said:
        return json.load(said)


def engine(folder: str, url: str, windows: pa.Table, concurrency: int) -> tuple[pa.Table, pa.Table]:
    """Explains and rates; the stages as the assets call them."""
    chosen = settings(concurrency)
    access = ProviderAccess(url, KEY)
    askers = LabelingSetup(chosen, Folder(folder), PAYER, lambda _: provider_llm(chosen, Folder(folder), PAYER, access))
    material = FeatureData(PAYER, windows)
    labels = label_features(material, askers).rows
    return labels, rate_labels(material, labels, askers).rows


class _Recording(DryRunLLM):
    """Keeps the bodies that would be sent."""

    bodies: list[dict[str, Any]]

    def run(self, jobs: Sequence[AskingJob[Result]], progress: Progress = no_progress) -> list[Result]:
        async def all_of_them() -> list[Result]:
            return [await job(self._noted) for job in jobs]

        return asyncio.run(all_of_them())

    async def _noted(self, request: Any) -> Any:
        self.bodies.append(request.body)
        return await self._ask(request)


def bodies_of(windows: pa.Table, labels: pa.Table, concurrency: int) -> list[dict[str, Any]]:
    """The bodies of the engine's requests, in its order."""
    recording = _Recording(LLM, price_of(LLM), RequestLedger(Folder("nowhere")))
    recording.bodies = []
    askers = LabelingSetup(settings(concurrency), Folder("nowhere"), PAYER, lambda _: recording)
    material = FeatureData(PAYER, windows)
    label_features(material, askers)
    rate_labels(material, labels, askers)
    return recording.bodies


async def bare_loop(url: str, bodies: list[dict[str, Any]], concurrency: int) -> None:
    """What anybody would write first: so many at a time, answers thrown away."""
    import anthropic

    gate = asyncio.Semaphore(concurrency)
    async with anthropic.AsyncAnthropic(api_key=KEY, base_url=url, max_retries=0) as client:

        async def one(body: dict[str, Any]) -> None:
            async with gate:
                await client.messages.create(**body)

        async with asyncio.TaskGroup() as group:
            for body in bodies:
                group.create_task(one(body))


def killed(n_features: int, latency: float, concurrency: int) -> None:
    """Kills the run ten times, at random moments, and compares the ledger with the server's own count."""
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as folder, provider(latency) as url:
        command = [sys.executable, "-m", "benchmarks.label_engine", "--run", folder, "--url", url]
        command += ["--features", str(n_features), "--concurrency", str(concurrency)]
        wanted = 2 * n_features
        for kill in range(1, KILLS + 1):
            process = subprocess.Popen(command)
            target = wanted * (kill - draw.random()) / (KILLS + 1)
            while counts(url)["requests"] < target and process.poll() is None:
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
            process.wait()
        subprocess.run(command, check=True)
        served = counts(url)
        answers = RequestLedger.read(Folder(folder)).answers.values()
        kept = sum(answer.input_tokens + answer.output_tokens for answer in answers)
        print(f"killed {KILLS} times: {served}, ledger {len(answers):,} answers, {kept:,} tokens", flush=True)


def main(arguments: Sequence[str] = ()) -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--features", type=int, default=10_000)
    options.add_argument("--latency", type=float, default=0.2)
    options.add_argument("--concurrency", type=int, default=64)
    options.add_argument("--kills", action=argparse.BooleanOptionalAction, default=True)
    options.add_argument("--run", help="only the engine, with this ledger")
    options.add_argument("--url")
    given = options.parse_args(list(arguments))
    if given.run:
        engine(given.run, given.url, examples(given.features), given.concurrency)
        return
    seconds, windows = {}, examples(given.features)
    with tempfile.TemporaryDirectory() as folder, provider(given.latency) as url:
        began = time.perf_counter()
        labels, ratings = engine(folder, url, windows, given.concurrency)
        seconds["engine"] = time.perf_counter() - began
        own, children = (
            resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        print(f"engine: {len(labels):,} labels, {len(ratings):,} ratings; {counts(url)}", flush=True)
        print(f"peak memory: {own:,.0f} MB here, {children:,.0f} MB in the largest child", flush=True)
    bodies = bodies_of(windows, labels, given.concurrency)
    with provider(given.latency) as url:
        began = time.perf_counter()
        asyncio.run(bare_loop(url, bodies, given.concurrency))
        seconds["bare loop"] = time.perf_counter() - began
        print(f"bare loop: {counts(url)}", flush=True)
    for name, taken in seconds.items():
        print(f"{name:12s} {taken:8.1f} s  {len(bodies) / taken:8.1f} requests/s", flush=True)
    print(f"throughput of the engine / of the bare loop: {seconds['bare loop'] / seconds['engine']:.2f}", flush=True)
    if given.kills:
        killed(given.features, given.latency, given.concurrency)


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[1])
    main(sys.argv[1:])
