"""A registry with one tiny model, a prompt set and an experiment, for tests that run experiments."""

import textwrap
from pathlib import Path
from typing import Any

import torch
import yaml
from tiny_models import save_tiny
from transformers import GPT2LMHeadModel

from pipelines.store.store import Store
from storage.table_schemas import rows_as_table

PROMPTS = [
    {"prompt": "def area(width,", "answer": " height"},
    {"prompt": "return width", "answer": " *"},
    {"prompt": "class Stack:", "answer": "\n"},
    {"prompt": "for name, value", "answer": " in"},
    {"prompt": "print(name,", "answer": " value"},
]


def experiment_house(
    root: Path, card: dict[str, Any], prompts: list[dict[str, Any]] = PROMPTS, kind: str = "gpt2"
) -> Store:
    """A store whose registry asks the experiment `asked` of the model `m`; nothing is made yet."""
    for name in ("models", "recipes", "prompt_sets", "experiments"):
        (root / "registry" / name).mkdir(parents=True)
    weights = save_tiny(kind, root / "weights")
    write_card(root, "models/m", {"source": str(weights), "corpus": {"source": "stdlib"}})
    write_card(root, "prompt_sets/some", {"prompts": prompts})
    write_card(root, "experiments/asked", {"prompt_set": "some"} | card)
    return Store(
        home=str(root / "data"), registry=str(root / "registry"), warehouse=str(root / "data" / "warehouse.duckdb")
    )


def write_model_row(store: Store) -> None:
    """The row of `model` of a store whose experiment has run, as if its activations had been harvested."""
    registration = store.experiment("m/asked")
    [row] = store.tables.read_rows(store.layout.table_at("experiment", model_id="m", experiment_id="asked"))
    model = {
        "source": registration.model.source,
        "revision": registration.revision,
        "weights_sha256": row["weights_sha256"],
        "architecture": "GPT2LMHeadModel",
        "n_layers": 3,
        "d_model": 32,
        "vocab_size": 400,
        "n_parameters": 1000,
        "dtype": "float32",
        "corpus_id": "none",
        "frame_sha256": "0" * 64,
        "registered_at": row["created_at"],
    }
    known = {name: value for name, value in model.items() if name in rows_as_table("model", []).schema.names}
    folder = store.layout.table_at("model", model_id="m")
    store.tables.write(folder, rows_as_table("model", [known]), {"made_from": "test"})


def write_card(root: Path, name: str, values: dict[str, Any]) -> Path:
    file = root / "registry" / f"{name}.yaml"
    file.write_text(textwrap.dedent(yaml.safe_dump(values)))
    return file


def gentle_house(root: Path, card: dict[str, Any]) -> Store:
    """The same, with a model whose blocks add a twentieth of what they would: what steering it does is known."""
    store = experiment_house(root, card)
    model = GPT2LMHeadModel.from_pretrained(root / "weights")
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "c_proj" in name:
                weight.mul_(0.05)
    model.save_pretrained(root / "weights")
    return store
