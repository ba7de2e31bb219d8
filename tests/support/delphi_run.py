"""A run of delphi, written as that tool writes it, from random activations."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

F, SPLITS, ROWS, LENGTH, VOCABULARY = 10, 3, 60, 24, 50
DEAD = 7
HOOKPOINT = "layers.2"


def acts() -> np.ndarray:
    """Activations (rows, positions, latents), as float16 has them."""
    rng = np.random.default_rng(1)
    found = np.where(rng.random((ROWS, LENGTH, F)) < 0.15, rng.random((ROWS, LENGTH, F)) + 0.01, 0.0)
    found[..., DEAD] = 0.0
    return found.astype(np.float16).astype(np.float32)


def tokens() -> np.ndarray:
    return np.random.default_rng(2).integers(0, VOCABULARY, (ROWS, LENGTH))


def edges() -> list[tuple[int, int]]:
    """First and last latent of each split, the last one included."""
    starts = np.linspace(0, F, SPLITS + 1).astype(int).tolist()
    return [(start, end - 1) for start, end in pairwise(starts)]


def answer(*, activating: bool, prediction: bool | None, probability: float | None) -> dict[str, Any]:
    right = None if prediction is None else prediction == activating
    said = {"prediction": prediction, "probability": probability, "correct": right}
    return {"str_tokens": ["a"], "activations": [0.0], "distance": 1, "activating": activating, **said}


ANSWERS = [
    answer(activating=True, prediction=True, probability=0.9),
    answer(activating=True, prediction=True, probability=0.8),
    answer(activating=True, prediction=False, probability=0.3),
    answer(activating=True, prediction=None, probability=None),
    answer(activating=False, prediction=False, probability=0.1),
    answer(activating=False, prediction=True, probability=0.8),
]


def written(home: Path, hookpoint: str = HOOKPOINT) -> Path:
    """A run: three splits, labels of three latents of which one was not parsed, scores of two scorers and a third."""
    run, rng = home / "run", np.random.default_rng(3)
    latents = run / "latents" / hookpoint
    latents.mkdir(parents=True)
    for start, end in edges():
        row, position, latent = np.nonzero(acts()[..., start : end + 1])
        order = rng.permutation(len(row))
        locations = np.stack([row, position, latent], axis=1)[order]
        values = acts()[locations[:, 0], locations[:, 1], start + locations[:, 2]]
        split = {"locations": locations.astype(np.uint16), "activations": values.astype(np.float16), "tokens": tokens()}
        save_file(split, latents / f"{start}_{end}.safetensors")
    config = {"dataset_repo": "a/dataset", "cache_ctx_len": LENGTH, "n_splits": SPLITS, "model_name": "gpt2"}
    (latents / "config.json").write_text(json.dumps(config))
    labels = {0: "Words about water", 1: "Explanation could not be parsed.", 4: "Names"}
    name = hookpoint.replace("/", "--")
    (run / "explanations").mkdir()
    for latent, label in labels.items():
        (run / "explanations" / f"{name}_latent{latent}.txt").write_text(json.dumps(label))
    (run / "explanations" / "layers.9_latent3.txt").write_text(json.dumps("of another hookpoint"))
    unsure = [one | {"probability": None} for one in ANSWERS]
    for scorer, answers in (("detection", ANSWERS), ("fuzz", unsure), ("simulation", {"ev_correlation_score": 0.5})):
        (run / "scores" / scorer).mkdir(parents=True)
        (run / "scores" / scorer / f"{name}_latent0.txt").write_text(json.dumps(answers))
    return run
