"""Steering behind several blocks, from card to tables, on a model whose blocks add little: strengths add up."""

from pathlib import Path
from typing import Any

import pytest
import torch
from experiment_house import gentle_house, write_card

from models.experiments.answer_choices import choice_log_probabilities
from models.experiments.methods.layered_steering import METHOD
from models.interventions.shifted_prediction import StreamShift
from models.language_model.sites import Site
from pipelines.experiments.experiment_input import experiment_input
from pipelines.experiments.experiment_run import run_experiment
from pipelines.store.store import Store

WORDS = ("area", "Stack", "name", "items", "width", "value", "found", "model", "self", "for", "class", "return")
PAIRS = [{"clean": f"the {word} A", "corrupt": f"the {word} B"} for word in WORDS]
TABLES = ("layered_steering_effect", "layered_steering_strength")
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Rows]:
    """Bounds so narrow that one block alone cannot do what all three can."""
    root = tmp_path_factory.mktemp("layers")
    store = gentle_house(root, {"method": "layered_steering"})
    write_card(root, "prompt_sets/some", {"kind": "contrast_pairs", "prompts": PAIRS})
    card = {"method": "layered_steering", "prompt_set": "some", "settings": {"most_strength": 0.5}}
    write_card(root, "experiments/asked", card)
    run_experiment(store, store.experiment("m/asked"))
    places = {name: store.layout.table_at(name, model_id="m", experiment_id="asked") for name in TABLES}
    return store, {name: store.tables.read_rows(place) for name, place in places.items()}


def effects(rows: Rows, asked_of: str) -> dict[str, dict[str, Any]]:
    return {row["condition"]: row for row in rows["layered_steering_effect"] if row["asked_of"] == asked_of}


def test_all_blocks_together_do_what_one_may_not(asked: tuple[Store, Rows]):
    _, rows = asked
    strengths = [row for row in rows["layered_steering_strength"] if row["condition"] == "all_blocks"]
    assert [row["layer"] for row in strengths] == [0, 1, 2]
    assert [row["strength"] for row in strengths] == pytest.approx([0.5] * 3, abs=1e-6)
    assert all(row["is_at_bound"] for row in strengths)
    on = effects(rows, "reporting")
    assert on["all_blocks"]["above_low"] > 0, "better than the best block on groups that chose nothing"
    assert on["all_blocks"]["log_p_matching"] > on["all_blocks_random"]["log_p_matching"]
    assert on["all_blocks"]["log_p_matching"] > on["all_blocks_shuffled"]["log_p_matching"]
    assert on["best_block"]["log_p_matching"] > on["unsteered"]["log_p_matching"]
    assert on["best_block"]["above_best_block"] == 0


def test_halves_have_groups_of_their_own_and_are_counted(asked: tuple[Store, Rows]):
    _, rows = asked
    chosen, told = effects(rows, "selecting"), effects(rows, "reporting")
    assert {row["n"] for row in chosen.values()} == {4}
    assert {row["n_groups"] for row in told.values()} == {3}
    assert chosen["all_blocks"]["log_p_matching"] >= chosen["best_block"]["log_p_matching"]
    alone = [row for row in rows["layered_steering_strength"] if row["condition"] == "block_alone"]
    best = max(row["selecting_log_p_matching"] for row in alone)
    assert chosen["best_block"]["log_p_matching"] == pytest.approx(best, abs=1e-9)


def test_strengths_of_the_table_give_the_effects_of_the_table(asked: tuple[Store, Rows]):
    """Made again from the rows, by one pass with the vectors summed by hand at their own sites."""
    store, rows = asked
    given = experiment_input(store, store.experiment("m/asked"))
    from models.experiments.contrast_prompts import ContrastPrompts
    from models.experiments.layer_directions import layer_directions

    settings = given.settings
    prompts = ContrastPrompts.of(given.prompts, settings.test_share, given.seed)
    directions = list(layer_directions(given.host, prompts, [settings.vector], range(3), given.seed, given.kept))
    groups = list(dict.fromkeys(choice.group for choice in prompts.choices))[1::2]
    reporting = [choice for choice in prompts.choices if choice.group in groups]
    strengths = {row["layer"]: row for row in rows["layered_steering_strength"] if row["condition"] == "all_blocks"}
    shifts = [
        StreamShift(Site("resid_post", d.layer), strengths[d.layer]["strength"] * d.vector_D.expand(len(reporting), -1))
        for d in directions
    ]
    log_NK = choice_log_probabilities(given.host, reporting, *shifts)
    told = effects(rows, "reporting")["all_blocks"]
    assert told["log_p_matching"] == pytest.approx(float(log_NK[:, 0].mean()), abs=1e-6)
    assert told["mass"] == pytest.approx(float(log_NK.exp().sum(1).mean()), abs=1e-6)
    for direction in directions:
        row = strengths[direction.layer]
        assert row["added_norm"] == pytest.approx(abs(row["strength"]) * float(direction.vector_D.norm()), rel=1e-6)


@pytest.mark.parametrize(
    ("prompts", "settings", "wanted"),
    [
        (PAIRS, {"layers": [0, 7]}, r"layers \[7\] of a model with blocks 0 to 2"),
        (PAIRS[:2], {}, "one pair is left to make a direction from, and two are needed"),
        (PAIRS[:3], {"test_share": 0.3}, "are left to choose strengths and to report them: two are"),
        ([{"clean": f"{w} A b", "corrupt": f"{w} B b"} for w in WORDS], {}, "rows with answer and foil"),
    ],
)
def test_what_cannot_be_asked_is_said_before_the_first_pass(
    tmp_path: Path, prompts: list[dict], settings: dict, wanted: str
):
    store = gentle_house(tmp_path, {"method": "layered_steering"})
    write_card(tmp_path, "prompt_sets/some", {"kind": "contrast_pairs", "prompts": prompts})
    write_card(
        tmp_path, "experiments/asked", {"method": "layered_steering", "prompt_set": "some", "settings": settings}
    )
    with pytest.raises(ValueError, match=wanted):
        METHOD.check(experiment_input(store, store.experiment("m/asked")))


def test_the_gradient_of_the_log_probability_is_that_of_small_steps(asked: tuple[Store, Rows]):
    store, _ = asked
    given = experiment_input(store, store.experiment("m/asked"))
    from models.experiments.contrast_prompts import ContrastPrompts
    from models.experiments.methods.layered_steering import SteeredBlocks

    choices = ContrastPrompts.of(given.prompts, 0.6, given.seed).choices
    vectors_LD = torch.randn(2, given.host.d_model, generator=torch.Generator().manual_seed(0))
    blocks = SteeredBlocks([0, 2], vectors_LD)

    def value(strength_L: torch.Tensor) -> torch.Tensor:
        return blocks.log_probabilities(given, choices, strength_L)[:, 0].mean()

    at_L = torch.tensor([0.3, -0.2], dtype=torch.float64, requires_grad=True)
    [gradient_L] = torch.autograd.grad(value(at_L), [at_L])
    step = 1e-2
    for place in range(2):
        turn_L = torch.zeros(2, dtype=torch.float64)
        turn_L[place] = step
        with torch.no_grad():
            slope = (value(at_L + turn_L) - value(at_L - turn_L)) / (2 * step)
        assert float(gradient_L[place]) == pytest.approx(float(slope), abs=2e-3)
