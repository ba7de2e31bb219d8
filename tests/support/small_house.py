"""A registry, a tiny model and a small corpus in a folder, for tests that run the whole chain."""

import random
import shutil
import textwrap
from pathlib import Path

import dagster as dg
from tiny_models import save_tiny

from pipelines.store.store import Store

RECIPE = """
    site: resid_post.@0.5
    sae: {architecture: topk, n_features: 64, k: 4}
    training: {tokens: 16_384, batch_tokens: 256, checkpoint_tokens: 2_048}
    statistics: {top_examples: 5, intervals: 4, examples_per_interval: 2, control_examples: 3, window_tokens: 8, \
histogram_bins: 10, evaluation_tokens: 512, probe_tokens: 0}
    quality_bounds: {max_fvu: 0.9, max_dead_fraction: 0.5, min_ce_recovered: -10}
"""


WORDS = [
    "total",
    "item",
    "step",
    "first",
    "last",
    "count",
    "key",
    "value",
    "path",
    "name",
    "line",
    "sum",
    "part",
    "left",
]


def write_corpus(folder: Path, documents: int = 60) -> Path:
    """Small programs that differ from each other, one a file; some are held out by their names."""
    folder.mkdir(parents=True)
    for i in range(documents):
        draw = random.Random(i)
        body = "\n".join(f"    {_statement(draw)}" for _ in range(12))
        start = f"{_statement(draw)}\ndef work_{i}(item_{i % 11}):"
        (folder / f"program_{i}.py").write_text(f"{start}\n{body}\n    return total_{i % 5}\n")
    return folder


def _statement(draw: random.Random) -> str:
    """A line of a program; two programs share few runs of five tokens, so that they are no near copies."""
    names = [f"{draw.choice(WORDS)}_{draw.randrange(9)}" for _ in range(3)]
    return f"{names[0]} = {names[1]} {draw.choice('+-*/%')} {names[2]}  # {draw.choice(WORDS)} {draw.choice(WORDS)}"


def write_model_card(root: Path, model_id: str, kind: str) -> Path:
    """Makes a random model of an architecture and the card that asks for it; returns the model's folder."""
    model = save_tiny(kind, root / "weights" / model_id)
    card = f"source: {model}\ncorpus: {{source: {root / 'texts'}, tokens: 20_000, context_length: 32}}\n"
    (root / "registry" / "models" / f"{model_id}.yaml").write_text(card)
    return model


def small_house(root: Path, recipe: str = RECIPE) -> Store:
    """A store whose registry asks for one recipe on one GPT-2, `first/small`; nothing is made yet."""
    for kind in ("models", "recipes"):
        (root / "registry" / kind).mkdir(parents=True)
    write_corpus(root / "texts")
    write_model_card(root, "first", "gpt2")
    (root / "registry" / "recipes" / "small.yaml").write_text(textwrap.dedent(recipe).lstrip())
    return store_of(root)


def made_small_house(root: Path) -> Store:
    """The same with its dictionary made and published."""
    from pipelines.runs.in_process import run_partition

    store = small_house(root)
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_partition(store, "first/small", instance).success
    return store


def copied_house(made: Path, root: Path) -> Store:
    """A copy whose store and cards may be changed; the cards name the weights and texts of the original."""
    for name in ("data", "registry"):
        shutil.copytree(made / name, root / name)
    return store_of(root)


def store_of(root: Path) -> Store:
    return Store(
        home=str(root / "data"), registry=str(root / "registry"), warehouse=str(root / "data" / "warehouse.duckdb")
    )
