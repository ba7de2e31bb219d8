"""A sweep from card to rows; runs that did not converge make no law, and say so."""

from pathlib import Path
from typing import Any

import pytest
from experiment_house import write_card
from text_set_house import asked, text_set_house, two_labels

from models.experiments.method import method_of
from models.experiments.methods import scaling_law as method
from pipelines.store.store import Store
from storage.table_schemas import rows_as_table

SETTINGS = {
    "widths": [4, 8, 16, 32],
    "k": [2],
    "seeds": 2,
    "learning_rates": [0.5, 1.0],
    "training_tokens": 6_000,
    "batch_tokens": 100,
    "fit_tokens": 2_000,
    "fit_length": 32,
    "site": "resid_post.0",
}


def sweep_house(root: Path, **settings: Any) -> Store:
    store = text_set_house(root, "concept_search", two_labels(24))
    texts = root / "texts"
    texts.mkdir()
    for number in range(30):
        (texts / f"{number}.txt").write_text(f"def area_{number}(width, height):\n    return width * height\n" * 20)
    card = {"method": "scaling_law", "prompt_set": "labelled", "models": ["m"]}
    write_card(root, "experiments/asked", card | {"settings": SETTINGS | {"fit_source": str(texts)} | settings})
    return store


def test_wider_dictionaries_leave_less_and_a_law_is_fitted(tmp_path: Path):
    given = asked(sweep_house(tmp_path, most_fall=10.0))
    rows = method_of("scaling_law").measure(given, given.prompts)
    for table, each in rows.items():
        assert rows_as_table(table, each).num_rows == len(each)
    runs = rows["scaling_run"]
    assert len(runs) == 4 * 2 + 1, "every width twice, and the middle one at half the rate"
    fvu = {n: min(row["fvu"] for row in runs if row["n_features"] == n) for n in SETTINGS["widths"]}
    assert fvu[4] > fvu[8] > fvu[16]
    assert {row["rate_factor"] for row in runs if row["n_features"] == 16} == {0.5, 1.0}
    assert runs[0]["flops"] == 12 * 32 * 4 * 6_000
    [fit] = rows["scaling_fit"]
    assert (fit["n_runs"], fit["n_sizes"], fit["smallest"], fit["largest"]) == (8, 4, 4, 32)
    assert fit["refused"] is None
    assert fit["exponent"] > 0.05


def test_runs_that_still_fall_make_no_law(tmp_path: Path):
    given = asked(sweep_house(tmp_path, most_fall=0.0, training_tokens=1_000))
    [fit] = method_of("scaling_law").measure(given, given.prompts)["scaling_fit"]
    assert fit["exponent"] is None
    assert "widths have a converged run, wanted 4" in fit["refused"]
    assert fit["refused"].endswith("raise training_tokens")


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"widths": [4, 8, 16]}, "3 widths are named, and a law with a floor wants 4"),
        ({"k": [8]}, r"must hold numbers in 1\.\.4, the smallest width"),
        ({"fit_tokens": 10**9}, "GiB to be held"),
    ],
)
def test_what_cannot_be_a_sweep_is_said_before_the_first_pass(tmp_path: Path, settings: dict[str, Any], wanted: str):
    with pytest.raises(ValueError, match=wanted):
        asked(sweep_house(tmp_path, **settings))


def test_a_law_is_of_converged_runs_at_one_rate_and_one_sparsity_over_live_features(tmp_path: Path):
    """Of each sparsity another law is planted in the live features; what must not count lies far off it."""
    given = asked(sweep_house(tmp_path, k=[1, 2]))
    rows = []
    for k, exponent in ((1, 0.3), (2, 0.6)):
        for n_features in (8, 16, 32, 64, 128):
            good = {"k": k, "n_features": n_features, "n_alive": n_features**0.9, "rate_factor": 1.0, "fall": 0.0}
            good |= {"fvu": 2 * good["n_alive"] ** -exponent, "seed": 0}
            rows += [good, good | {"fall": 1.0, "fvu": 0.9}, good | {"rate_factor": 0.5, "fvu": 0.8}]
    fits = list(method._fits(given, rows))
    assert [(fit["k"], fit["n_runs"], fit["n_left_out"]) for fit in fits] == [(1, 5, 5), (2, 5, 5)]
    assert [fit["exponent"] for fit in fits] == pytest.approx([0.3, 0.6], abs=0.005)
    assert [fit["amplitude"] for fit in fits] == pytest.approx([2, 2], rel=0.02)
    assert fits[0]["further_n"] == pytest.approx(4 * 128**0.9)
    assert fits[0]["further"] == pytest.approx(2 * (4 * 128**0.9) ** -0.3, rel=0.02)


def test_runs_are_measured_on_the_texts_and_differ_by_their_seed(tmp_path: Path):
    given = asked(sweep_house(tmp_path, learning_rates=[1.0], training_tokens=1_000))
    runs = method_of("scaling_law").measure(given, given.prompts)["scaling_run"]
    assert len({row["fvu"] for row in runs}) == len(runs) == 8
    assert all(abs(row["fvu"] - row["training_fvu"]) > 1e-3 for row in runs), "the texts are not those of training"
