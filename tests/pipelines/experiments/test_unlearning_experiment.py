"""Unlearning from a card to its rows, on a model that says the last word again; and the edit against one by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from complete_dictionary import complete_dictionary
from experiment_house import gentle_house, write_card
from text_set_house import asked, dictionary_in_place
from transformers import AutoTokenizer

from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.forgetting_prompts import ForgettingPrompts
from models.experiments.method import ExperimentInput, method_of
from models.language_model.sites import Site
from pipelines.experiments import experiment_input as inputs
from storage.table_schemas import rows_as_table

SITE = Site("resid_post", 1)
SETTINGS = {"retain_rates": [1.0], "features": [2], "multiples": [0.5, 3], "fewest_known": 4}


@pytest.fixture(autouse=True)
def _a_dictionary_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    dictionary_in_place(monkeypatch)
    density = np.linspace(0.1, 0.9, 64)
    found = FeatureDictionary("mid", complete_dictionary(32), SITE, SITE, np.linspace(1, 4, 64), density)
    monkeypatch.setattr(inputs, "feature_dictionary", lambda store, named: found)


def given_of(root: Path, change: Any = lambda rows: rows, **settings: Any) -> ExperimentInput[Any]:
    """Words of one token behind beginnings of two lengths, the first half of them to be forgotten."""
    store = gentle_house(root, {"method": "logit_lens"})
    tokenizer = AutoTokenizer.from_pretrained(root / "weights")
    texts = [tokenizer.decode([token]) for token in range(len(tokenizer))]
    words = sorted({text for text in texts if text.startswith(" ") and text[1:].isalpha() and len(text) > 2})[:24]
    rows = [
        {"label": "early" if at < 12 else "late", "group": word, "prompt": begin + word, "answer": word}
        for at, word in enumerate(words)
        for begin in ("self", "return the self")
    ]
    write_card(root, "prompt_sets/some", {"kind": "labelled", "prompts": change(rows)})
    write_card(root, "recipes/mid", {"site": str(SITE), "sae": {"expansion": 2, "k": 32}})
    write_card(root, "models/m", {"source": str(root / "weights"), "corpus": {"source": "stdlib"}, "recipes": ["mid"]})
    card = {"method": "unlearning", "prompt_set": "some", "recipe": "mid", "settings": SETTINGS | settings}
    write_card(root, "experiments/asked", card)
    return asked(store)


def test_each_label_is_forgotten_in_turn_and_every_setting_has_both_halves(tmp_path: Path):
    given = given_of(tmp_path)
    rows = method_of("unlearning").measure(given, given.prompts)["unlearning"]
    assert rows_as_table("unlearning", rows).num_rows == 2 * 2 * (1 + 2 * 2)
    for label in ("early", "late"):
        mine = [row for row in rows if row["forgotten"] == label]
        plain = [row for row in mine if row["condition"] == "unedited"]
        assert [row["forget_accuracy"] for row in plain] == [row["retain_accuracy"] for row in plain] == [1, 1]
        assert {row["n_asked"] for row in mine} == {24}
        assert all(8 <= row["n_forget"] <= 12 and 8 <= row["n_retain"] <= 12 for row in mine), "few are not known"
        chosen = {(row["multiple"], row["half"]): row for row in mine if row["condition"] == "chosen"}
        assert len({tuple(row["feature_ids"]) for row in chosen.values()}) == 1
        for half in ("choosing", "reporting"):
            assert chosen[3, half]["forget_loss"] > plain[0]["forget_loss"]
        drawn = [row["feature_ids"] for row in mine if row["condition"] == "random"]
        assert all(not set(each) & set(chosen[3, "choosing"]["feature_ids"]) for each in drawn)


def test_an_edit_is_that_of_a_pass_by_hand(tmp_path: Path):
    given, features, value = given_of(tmp_path), [3, 40, 7], -1.5
    read = ForgettingPrompts.of(given.host, given.features, given.prompts)
    found, sae = read.edited(features, value), given.features.sae
    for row, prompt in list(enumerate(given.prompts))[:6]:

        def by_hand(x_BPD: torch.Tensor, n: int = prompt.n_special) -> torch.Tensor:
            codes_PF = sae.encode(x_BPD[0, n:]).dense()
            for feature in features:
                wanted = value * float(given.features.max_activation_F[feature])
                change_P = torch.where(codes_PF[:, feature] > 0, wanted - codes_PF[:, feature], 0)
                x_BPD[0, n:] += change_P[:, None] * sae.W_dec[feature]
            return x_BPD

        with torch.no_grad(), given.host.intervene({SITE: by_hand}):
            logits = given.host.forward(torch.tensor([prompt.token_ids]))
        assert logits is not None
        log_V = logits[0, -1].log_softmax(-1)
        assert found.loss_N[row] == pytest.approx(-float(log_V[prompt.answer_id]), abs=1e-4)
        assert bool(found.right_N[row]) == (int(log_V.argmax()) == prompt.answer_id)
    assert not np.allclose(found.loss_N, read.edited((), 0).loss_N, atol=0.01)
    rows = np.array([11, 2, 30])
    some = read.edited(features, value, rows)
    np.testing.assert_allclose(some.loss_N, found.loss_N[rows], atol=1e-5)
    np.testing.assert_array_equal(some.right_N, found.right_N[rows])


def test_rates_are_of_the_tokens_of_the_prompts_that_are_named(tmp_path: Path):
    given = given_of(tmp_path)
    read, rows = ForgettingPrompts.of(given.host, given.features, given.prompts), np.array([1, 4, 9])
    with given.host.capture([SITE]) as found, torch.no_grad():
        fires = []
        for row in rows.tolist():
            prompt = given.prompts[row]
            given.host.forward(torch.tensor([prompt.token_ids]))
            fires.append(given.features.sae.encode(found[SITE][0, prompt.n_special :]).dense() != 0)
    np.testing.assert_allclose(read.rates(rows), torch.cat(fires).float().mean(0).numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "settings", "wanted"),
    [
        (lambda rows: [row | {"label": "early"} for row in rows], {}, "all rows have the label 'early'"),
        (lambda rows: [row | {"group": "one"} for row in rows], {}, "'one' stands under early and late"),
        (lambda rows: rows, {"forget": ["never"]}, "no row has the label 'never'; there are early, late"),
    ],
)
def test_what_cannot_be_forgotten_is_said_before_the_first_pass(
    tmp_path: Path, change: Any, settings: dict[str, Any], wanted: str
):
    with pytest.raises(ValueError, match=wanted):
        given_of(tmp_path, change, **settings)


def test_what_the_model_does_not_know_cannot_be_forgotten(tmp_path: Path):
    def wrong(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row | ({"answer": rows[-1]["answer"]} if row["label"] == "early" else {}) for row in rows]

    given = given_of(tmp_path, wrong)
    with pytest.raises(ValueError, match="answers 0 prompts of early rightly in the half that chooses, wanted 4"):
        method_of("unlearning").measure(given, given.prompts)
