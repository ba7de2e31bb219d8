"""A run of SAEDashboard, written as that tool writes it, from random activations."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from storage.folder import Folder

F, PROMPTS, LENGTH, BARS, INTERVALS = 6, 40, 16, 50, 5
NAME = "gpt2-small_res-jb_blocks.6.hook_resid_pre_6"
SKIPPED = 4


def acts() -> np.ndarray:
    """Activations (prompts, positions, features): feature 5 is so rare that its rounded density is 0."""
    rng = np.random.default_rng(0)
    found = np.where(rng.random((PROMPTS, LENGTH, F)) < 0.1, rng.random((PROMPTS, LENGTH, F)) * 9, 0.0)
    found[..., 3] = 0.0
    found[0, 0, 3] = 2.5
    return found.round(3)


def tokens(prompt: int) -> list[str]:
    return [f" w{prompt}_{position}" for position in range(LENGTH)]


def window(prompt: int, values: np.ndarray, at: int, bin_: tuple[float, float, float]) -> dict[str, Any]:
    return {
        "bin_min": bin_[0],
        "bin_max": bin_[1],
        "bin_contains": bin_[2],
        "tokens": tokens(prompt),
        "values": values.tolist(),
        "qualifying_token_index": at,
    }


def feature(number: int, acts_PT: np.ndarray) -> dict[str, Any]:
    """As NeuronpediaConverter makes it of a feature's data: everything at three decimals."""
    fired, most = acts_PT[acts_PT > 0], float(acts_PT.max())
    heights, edges = np.histogram(fired, bins=np.linspace(fired.min(), fired.max(), BARS + 1))
    shown = []
    for flat in np.argsort(-acts_PT, axis=None, kind="stable")[:3]:
        prompt, position = divmod(int(flat), LENGTH)
        shown.append(window(prompt, acts_PT[prompt], position, (-1, round(most, 3), -1)))
    for interval in reversed(range(INTERVALS)):
        low, high = most * interval / INTERVALS, most * (interval + 1) / INTERVALS
        inside = np.argwhere((acts_PT >= low) & (acts_PT <= high) & (acts_PT > 0))[:2]
        share = float(((acts_PT >= low) & (acts_PT <= high)).mean())
        shown += [
            window(p, acts_PT[p], t, (round(low, 3), round(high, 3), round(share, 4))) for p, t in inside.tolist()
        ]
    return {
        "feature_index": number,
        "neuron_alignment_indices": [],
        "neg_str": [" no", "never"],
        "neg_values": [-0.5, -0.25],
        "pos_str": [" yes", "always"],
        "pos_values": [0.75, 0.5],
        "frac_nonzero": round(100 * len(fired) / acts_PT.size, 3) / 100,
        "freq_hist_data_bar_heights": [float(n) for n in heights],
        "freq_hist_data_bar_values": ((edges[:-1] + edges[1:]) / 2).round(3).tolist(),
        "logits_hist_data_bar_heights": [],
        "logits_hist_data_bar_values": [],
        "n_prompts_total": PROMPTS,
        "n_tokens_in_prompt": LENGTH,
        "dataset": "a/dataset",
        "decoder_weights_dist": [],
        "activations": shown,
    }


def written(home: Path, change: Callable[[list[dict]], Any] = lambda features: None) -> Folder:
    """Two batches of a run that skipped one feature."""
    folder = home / NAME
    folder.mkdir(parents=True)
    features = [feature(n, acts()[..., n]) for n in range(F) if n != SKIPPED]
    change(features)
    about = {"model_id": "gpt2-small", "layer": 6, "sae_set": "res-jb", "sae_id_suffix": None}
    for number, some in enumerate((features[:3], features[3:])):
        (folder / f"batch-{number}.json").write_text(json.dumps(about | {"features": some}))
    settings = {"model_id": "gpt2-small", "sae_path": "blocks.6.hook_resid_pre", "n_quantiles": INTERVALS}
    (folder / "run_settings.json").write_text(json.dumps(settings))
    skipped = about | {"log_sparsity": -6, "skipped_indexes": [SKIPPED]}
    (folder / "skipped_indexes.json").write_text(json.dumps(skipped))
    return Folder(str(folder))
