"""Peak memory and time a token of every stage, over corpora of 1, 3 and 10 million tokens, each stage in a process.

`python -m benchmarks stage_memory MODEL [TOKENS …]`: a folder of weights, such as stories260K, and made-up text.
"""

import itertools
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from pipelines.store.stage_records import read_record
from pipelines.store.store import Store

STAGES = (
    *("context_frame", "corpus", "activations", "sae", "sae_evaluation", "feature_matches", "feature_statistics"),
    *("logit_effects", "neighbors", "feature_map", "explanations", "specificity_ratings", "label_scores"),
    "published_warehouse",
)
RECIPE = """
site: resid_post.@0.5
sae: {{architecture: topk, expansion: 16, k: 16}}
training: {{tokens: {tokens}, batch_tokens: 4096}}
statistics: {{keep_feature_activations: true}}
explanations: {{explainer: lexical, judge: lexical, features: 100}}
"""
KEY = "small/wide"
WORDS_A_DOCUMENT = 400


def house(root: Path, model: Path, tokens: int) -> None:
    """Cards, and text enough: words that are drawn, three letters to nine, some often and most seldom."""
    for kind in ("models", "recipes"):
        (root / "registry" / kind).mkdir(parents=True)
    draw = random.Random(0)
    letters = "etaoinshrdlu"
    words = ["".join(draw.choices(letters, k=draw.randint(3, 9))) for _ in range(5000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    with (root / "text.jsonl").open("w") as file:
        written = 0
        while written < 4.2 * tokens:
            text = " ".join(draw.choices(words, weights, k=WORDS_A_DOCUMENT))
            written += len(text)
            file.write(json.dumps({"text": text}) + "\n")
    card = f"source: {model}\ncorpus: {{source: {root / 'text.jsonl'}, tokens: {tokens}, context_length: 128}}\n"
    (root / "registry" / "models" / "small.yaml").write_text(card)
    (root / "registry" / "recipes" / "wide.yaml").write_text(RECIPE.format(tokens=tokens))


def store_in(root: Path) -> Store:
    data = root / "data"
    return Store(home=str(data), registry=str(root / "registry"), warehouse=str(data / "warehouse.duckdb"))


def run_stage(root: Path, stage: str) -> None:
    """One stage, in this process alone."""
    import dagster as dg

    from pipelines.definitions import defs

    (root / "data").mkdir(exist_ok=True)
    key = KEY if stage != "published_warehouse" else None
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sae", [KEY])
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        selected = dg.define_asset_job("one", dg.AssetSelection.assets(stage))
        job = selected.resolve(asset_graph=defs.resolve_asset_graph())
        ran = job.execute_in_process(
            run_config=quiet, instance=instance, partition_key=key, resources={"store": store_in(root)}
        )
        assert ran.success


def measured(root: Path, stage: str) -> tuple[float, float, float]:
    """Seconds, seconds of processor, and the peak in MB of a stage; the processor's with its imports."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "benchmarks.stage_memory", "--stage", stage, str(root)]
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    record = read_record(store_in(root).layout, stage, KEY if stage != "published_warehouse" else "")
    assert record is not None
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return record.last.seconds or 0.0, cpu, (record.last.peak_memory_bytes or 0) / 1e6


def main(arguments: list[str] | None = None) -> None:
    given = sys.argv[2:] if arguments is None else arguments
    model, counts = Path(given[0]).resolve(), [int(n) for n in given[1:]] or [1_000_000, 3_000_000, 10_000_000]
    found: dict[str, list[tuple[float, float, float]]] = {stage: [] for stage in STAGES}
    for tokens in counts:
        with tempfile.TemporaryDirectory() as aside:
            house(Path(aside), model, tokens)
            for stage in STAGES:
                found[stage].append(measured(Path(aside), stage))
                seconds, cpu, peak = found[stage][-1]
                told = f"{tokens:>11,} {stage:<20} {seconds:8.1f} s {cpu:8.1f} s CPU {peak:8.0f} MB"
                print(f"{told} {1e6 * seconds / tokens:8.2f} µs a token", flush=True)
    print_peaks(counts, found)
    print_costs(counts, found)


def print_peaks(counts: list[int], found: dict[str, list[tuple[float, float, float]]]) -> None:
    print("\n| stage | " + " | ".join(f"MB at {n / 1e6:g} M" for n in counts) + " | largest / least |")
    print("|---|" + "---|" * (len(counts) + 1))
    for stage, rows in found.items():
        peaks = [peak for _, _, peak in rows]
        print(f"| `{stage}` | " + " | ".join(f"{p:,.0f}" for p in peaks) + f" | {max(peaks) / min(peaks):.2f} |")


def print_costs(counts: list[int], found: dict[str, list[tuple[float, float, float]]]) -> None:
    """Seconds of processor, imports and all, and what a token more costs from each count to the next: what is fixed,
    such as the imports, is in the former alone."""
    steps = list(itertools.pairwise(counts))
    print("\n| stage | " + " | ".join(f"s of processor at {n / 1e6:g} M" for n in counts), end=" | ")
    print(" | ".join(f"µs a token, {a / 1e6:g} to {b / 1e6:g} M" for a, b in steps) + " |")
    print("|---|" + "---|" * (len(counts) + len(steps)))
    for stage, rows in found.items():
        cpu = [seconds for _, seconds, _ in rows]
        more = [1e6 * (y - x) / (b - a) for (a, b), (x, y) in zip(steps, itertools.pairwise(cpu), strict=True)]
        print(f"| `{stage}` | " + " | ".join(f"{each:.1f}" for each in [*cpu, *more]) + " |")


if __name__ == "__main__":
    if sys.argv[1] == "--stage":
        run_stage(Path(sys.argv[3]), sys.argv[2])
    else:
        main(sys.argv[1:])
