"""Steering vectors from card to tables, on a model whose blocks add little: what they must do is known."""

from pathlib import Path
from typing import Any

import pytest
import torch
from experiment_house import gentle_house, write_card

from models.experiments.contrast_prompts import ContrastPrompts
from models.interventions.shifted_prediction import StreamShift, last_log_probabilities, last_moved_log_probabilities
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from pipelines.experiments.experiment_input import experiment_input
from pipelines.experiments.experiment_run import planned_passes, run_experiment
from pipelines.store.store import Store

WORDS = ("def area", "class Stack", "for name", "self items", "return width", "print value", "found items", "the model")
PAIRS = [{"clean": f"{word} A", "corrupt": f"{word} B"} for word in WORDS]
CARD = {"method": "steering_vector"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = gentle_house(tmp_path, CARD)
    write_card(tmp_path, "prompt_sets/some", {"kind": "contrast_pairs", "prompts": PAIRS})
    return store


def ask(store: Store, root: Path, **settings: Any) -> dict[str, list[dict[str, Any]]]:
    write_card(root, "experiments/asked", CARD | {"prompt_set": "some", "settings": settings})
    plan = planned_passes(store, store.experiment("m/asked"))
    run_experiment(store, store.experiment("m/asked"))
    rows = {
        name: store.tables.read_rows(store.layout.table_at(name, model_id="m", experiment_id="asked"))
        for name in ("direction", "direction_effect", "direction_feature", "experiment")
    }
    assert rows["experiment"][0]["n_forward"] == plan.passes.forward
    return rows


def test_the_answer_follows_the_direction_at_every_layer(store: Store, tmp_path: Path):
    rows = ask(store, tmp_path, vectors=["caa", "pca_difference"])
    assert [(row["kind"], row["layer"]) for row in rows["direction"]] == [
        (kind, layer) for kind in ("caa", "pca_difference") for layer in range(3)
    ]
    host = HookedModel.load(str(tmp_path / "weights"), device="cpu")
    a, b = (host.tokenizer.encode(letter, add_special_tokens=False)[-1] for letter in "AB")
    difference_D = host.module_map.embedding.weight[a] - host.module_map.embedding.weight[b]
    for row in rows["direction"]:
        assert float(torch.cosine_similarity(torch.tensor(row["vector"]), difference_D, dim=0)) > 0.9
        assert row["shuffled_norm"] < 0.3 * row["norm"]
        assert (row["n_positive"], row["n_negative"]) == (5, 5)
        effects = [each for each in rows["direction_effect"] if each["direction_id"] == row["direction_id"]]
        assert [each["alpha"] for each in effects] == [-2, -1, -0.5, 0, 0.5, 1, 2]
        values = [each["value"] for each in effects]
        assert values == sorted(set(values)), "strictly monotone"
        assert values[-1] - values[0] > 0.5
        assert effects[3]["value"] == effects[3]["unsteered"] == effects[3]["random"]
        assert effects[-1]["ci_low"] <= effects[-1]["value"] <= effects[-1]["ci_high"]
        assert {each["n"] for each in effects} == {3}
        assert abs(effects[-1]["random"] - effects[0]["random"]) < (values[-1] - values[0]) / 2
        assert abs(effects[-1]["shuffled"] - effects[0]["shuffled"]) < values[-1] - values[0]


def test_nothing_added_changes_no_bit_and_padding_none_either(store: Store):
    host = HookedModel.load(store.experiment("m/asked").model.source, device="cpu")
    prompts, site = [(5, 9, 17), (30, 2, 44, 8, 11)], Site("resid_post", 1)
    nothing = StreamShift(site, torch.zeros(2, 32))
    [plain_BV], [shifted_BV] = last_log_probabilities(host, prompts), last_log_probabilities(host, prompts, nothing)
    assert torch.equal(plain_BV, shifted_BV)
    shift = StreamShift(site, torch.randn(2, 32, generator=torch.Generator().manual_seed(0)))
    [together_BV] = last_log_probabilities(host, prompts, shift)
    for row, prompt in enumerate(prompts):
        [alone_BV] = last_log_probabilities(host, [prompt], StreamShift(site, shift.delta_ND[row : row + 1]))
        torch.testing.assert_close(together_BV[row], alone_BV[0], rtol=0, atol=1e-5)
    assert not torch.equal(together_BV, plain_BV)
    moves = [(Site("resid_post", layer), shift.delta_ND[1]) for layer in (0, 1)]
    moved_SV = last_moved_log_probabilities(host, prompts[1], moves)
    for (at, delta_D), moved_V in zip(moves, moved_SV, strict=True):
        [alone_BV] = last_log_probabilities(host, [prompts[1]], StreamShift(at, delta_D[None]))
        torch.testing.assert_close(moved_V, alone_BV[0], rtol=0, atol=1e-5)


def test_labels_with_answers_make_a_direction_too(store: Store, tmp_path: Path):
    prompts = [
        {"prompt": f"{word}{sign}", "label": label, "answer": answer, "foil": foil}
        for word in WORDS
        for sign, label, answer, foil in ((":", "colon", "A", "B"), (",", "comma", "B", "A"))
    ]
    write_card(tmp_path, "prompt_sets/some", {"kind": "labelled", "prompts": prompts})
    rows = ask(store, tmp_path, positive="comma", layers=[1], alphas=[1.0])
    assert [row["kind"] for row in rows["direction"]] == ["mean_difference"]
    assert rows["direction_effect"][0]["n"] == 6
    given = experiment_input(store, store.experiment("m/asked"))
    settings = given.settings
    choices = ContrastPrompts.of(given.prompts, settings.test_share, given.seed, settings.positive).choices
    letter = given.host.tokenizer.encode("B", add_special_tokens=False)[-1]
    assert {choice.matching for choice in choices} == {letter}, "the answer of comma, the foil of colon"


@pytest.mark.parametrize(
    ("card", "settings", "wanted"),
    [
        ({"kind": "labelled", "prompts": [{"prompt": "a", "label": "x"}] * 3}, {}, "a direction leads from one label"),
        (
            {"kind": "labelled", "prompts": [{"prompt": "a", "label": x} for x in "xxyy"]},
            {"vectors": ["caa"]},
            "caa is made from pairs: give a set of kind contrast_pairs",
        ),
        ({"kind": "contrast_pairs", "prompts": [p | {"group": "g"} for p in PAIRS]}, {}, "all rows are of one group"),
        ({"kind": "contrast_pairs", "prompts": PAIRS}, {"layers": [3]}, r"layers \[3\] of a model with blocks 0 to 2"),
    ],
)
def test_what_cannot_be_asked_is_said_before_the_first_pass(
    store: Store, tmp_path: Path, card: dict, settings: dict, wanted: str
):
    write_card(tmp_path, "prompt_sets/some", card)
    with pytest.raises(ValueError, match=wanted):
        ask(store, tmp_path, **settings)
