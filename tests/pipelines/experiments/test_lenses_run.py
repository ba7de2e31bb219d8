"""Logit, tuned and Jacobian lens stand side by side in one table, fitted on texts of their own."""

from pathlib import Path

import pytest
from experiment_house import PROMPTS, experiment_house
from tiny_models import LAYERS, WIDTH

from pipelines.experiments.experiment_run import planned_passes, run_experiment
from pipelines.store.store import Store

FIT = {"fit_texts": 12, "jacobian_texts": 2, "fit_length": 24, "skip_first": 4, "tuned_steps": 80}


def lens_house(root: Path, **settings: object) -> Store:
    texts = root / "texts"
    texts.mkdir()
    for number in range(20):
        words = " ".join(f"value{number} = found[{number * step % 13}]" for step in range(1, 12))
        (texts / f"{number}.txt").write_text(words)
    card = {"method": "logit_lens", "settings": FIT | {"fit_source": str(texts)} | settings}
    return experiment_house(root, card)


def test_each_lens_reads_every_place_and_ends_with_the_models_answer(tmp_path: Path):
    store = lens_house(tmp_path, lenses=["logit", "tuned", "jacobian"])
    run_experiment(store, store.experiment("m/asked"))
    folder = store.layout.table_at("logit_lens", model_id="m", experiment_id="asked")
    rows = store.tables.read_rows(folder)
    by_lens = {kind: [row for row in rows if row["lens"] == kind] for kind in ("logit", "tuned", "jacobian")}
    places = [[(row["prompt_id"], row["position"], row["layer"]) for row in each] for each in by_lens.values()]
    assert sorted(places[0]) == sorted(places[1]) == sorted(places[2])
    for kind, each in by_lens.items():
        last = [row["kl_to_final"] for row in each if row["layer"] == LAYERS - 1]
        assert max(last) < 1e-5, kind

    def mean(kind: str) -> float:
        early = [row["kl_to_final"] for row in by_lens[kind] if row["layer"] == 0]
        return sum(early) / len(early)

    assert mean("tuned") < mean("logit"), "on prompts that it was not trained on"
    assert mean("jacobian") != pytest.approx(mean("logit"), rel=1e-3)


def test_what_it_costs_counts_the_fit(tmp_path: Path):
    store = lens_house(tmp_path, lenses=["tuned", "jacobian"])
    passes = planned_passes(store, store.experiment("m/asked")).passes
    assert (passes.forward, passes.backward) == (2 * len(PROMPTS) + 12 + 2 * 32, 2 * WIDTH)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"lenses": []}, "no lens is named"),
        ({"lenses": ["jacobian"], "skip_first": 24}, "leaves no position behind the 24 of skip_first"),
        ({"lenses": ["tuned"], "fit_texts": 999}, "documents of 24 tokens to fit a lens on, and the card asks for 999"),
    ],
)
def test_what_cannot_be_fitted_is_said(tmp_path: Path, settings: dict, wanted: str):
    store = lens_house(tmp_path, **settings)
    with pytest.raises(ValueError, match=wanted):
        run_experiment(store, store.experiment("m/asked"))
