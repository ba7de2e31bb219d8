"""Surprisal is what a plain model loses on a window; a label that foretells the windows scores high."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from example_rows import all_for_scoring, example, numbers_of, with_explained
from tiny_models import save_tiny
from torch import Tensor

from models.autointerp.example_set import ExampleSet
from models.autointerp.scorers import surprisal as module
from models.autointerp.scorers.detection import detection_trials
from models.autointerp.scorers.surprisal import NEUTRAL, surprisal_scores
from models.autointerp.trials import Label, Trial
from models.language_model import surprisal
from models.language_model.hooked_model import HookedModel
from storage.table_schemas.example import SCHEMA as EXAMPLE

WORDS = ["def", " area", "(", "width", ",", " height", ")", ":", "\n", "    ", "return", " stream", " residual"]


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    """Llama's tokenizer begins with a BOS, GPT-2's does not."""
    return HookedModel.load(str(save_tiny(request.param, tmp_path_factory.mktemp(request.param))), device="cpu")


def gallery(windows: dict[str, list[list[str]]]) -> ExampleSet:
    rows = [
        example(0, kind, rank, tokens, 1.0, 0 if kind == "interval" else None)
        for kind, some in windows.items()
        for rank, tokens in enumerate(some)
    ]
    table = with_explained(pa.Table.from_pylist(rows, schema=EXAMPLE))
    return ExampleSet.of(table, near_copy_group=all_for_scoring(table))


def some_gallery() -> ExampleSet:
    rng = np.random.default_rng(0)
    return gallery(
        {k: [rng.choice(WORDS, rng.integers(3, 9)).tolist() for _ in range(8)] for k in ("interval", "control")}
    )


def gains(host: Any, of: ExampleSet, trials: list[Trial]) -> list[np.ndarray]:
    return numbers_of(surprisal_scores(host, of, trials), trials)


def plain_loss(host: HookedModel, begin: str, window: str) -> float:
    """One sequence without padding, the loss that transformers itself computes on the window's tokens."""
    before = host.tokenizer(begin)["input_ids"]
    after = host.tokenizer(window, add_special_tokens=False)["input_ids"]
    ids, labels = torch.tensor([before + after]), torch.tensor([[-100] * len(before) + after])
    return float(host.model(input_ids=ids, labels=labels).loss)


def test_surprisal_is_the_loss_of_the_plain_model(host: HookedModel, monkeypatch: pytest.MonkeyPatch):
    of = some_gallery()
    trials = list(detection_trials(of, [Label("a", 0, "functions with a height"), Label("b", 0, "x")], {}))
    found = gains(host, of, trials)
    for trial, gain_N in zip(trials, found, strict=True):
        assert np.ptp(gain_N) > 0.01
        for row, gain in zip(trial.row_N.tolist(), gain_N, strict=True):
            window = "".join(of.window(row)[0])
            losses = [plain_loss(host, f"Description: {said}\n", window) for said in (NEUTRAL, trial.label.text)]
            assert gain == pytest.approx(losses[0] - losses[1], abs=2e-4)
    for of_module, name in ((surprisal, "LOGITS"), (module, "TOGETHER")):
        monkeypatch.setattr(of_module, name, 1)
        for before, after in zip(found, gains(host, of, trials), strict=True):
            np.testing.assert_allclose(after, before, atol=2e-4)


def test_a_label_that_says_nothing_is_at_chance(host: HookedModel):
    of = some_gallery()
    rows = surprisal_scores(host, of, list(detection_trials(of, [Label("a", 0, NEUTRAL)], {}))).values.to_pylist()
    assert rows[0]["value"] == 0.5
    assert rows[0]["metric"] == "auroc"


def test_texts_longer_than_the_context_are_cut_and_empty_ones_are_no_surprise(
    host: HookedModel, monkeypatch: pytest.MonkeyPatch
):
    of = gallery({"interval": [[" stream"] * 200, [""]] * 4, "control": [[":"]] * 8})
    [trial] = detection_trials(of, [Label("a", 0, "residual stream " * 100)], {})
    [found] = gains(host, of, [trial])
    texts = ["".join(of.window(row)[0]) for row in trial.row_N.tolist()]
    assert np.isfinite(found).all()
    assert {gain for gain, text in zip(found, texts, strict=True) if not text} <= {0.0}
    assert any(len(text) > 1000 for text in texts)


def copier(vocabulary: list[str]) -> Any:
    """A stand-in that expects the words that it has read before, and no others."""

    def tokenizer(text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        return {"input_ids": [vocabulary.index(word) for word in text.split()]}

    def run(ids_BP: Tensor, mask_BP: Tensor) -> Tensor:
        there_BPV = torch.nn.functional.one_hot(ids_BP, len(vocabulary)) * mask_BP[..., None]
        return 3.0 * (there_BPV.cumsum(dim=1) > 0)

    config = SimpleNamespace(max_position_embeddings=64)
    return SimpleNamespace(
        is_causal=True,
        model=SimpleNamespace(config=config),
        tokenizer=tokenizer,
        forward=run,
        device="cpu",
        vocab_size=len(vocabulary),
    )


def test_a_label_that_names_the_words_of_the_examples_scores_one():
    words = ["Description:", *NEUTRAL.split(), "sea", "ship", "sail", "wood", "tree", "leaf"]
    of = gallery({"interval": [[" sea", " ship", " sail"]] * 12, "control": [[" wood", " tree", " leaf"]] * 12})
    labels = [Label("right", 0, "ship sail"), Label("wrong", 0, "leaf"), Label("blind", 0, "Description:")]
    rows = surprisal_scores(copier(words), of, list(detection_trials(of, labels, {}))).values.to_pylist()
    assert {row["explanation_id"]: row["value"] for row in rows} == {"right": 1, "wrong": 0, "blind": 0.5}


def test_an_encoder_is_refused(tmp_path: Path):
    host = HookedModel.load(str(save_tiny("bert", tmp_path)), device="cpu")
    with pytest.raises(ValueError, match="foresees no text"):
        surprisal_scores(host, some_gallery(), [])
