"""Attributes moved between entities, from a card to its rows, on a model that says the last word again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from complete_dictionary import complete_dictionary
from experiment_house import gentle_house, write_card
from text_set_house import asked, dictionary_in_place
from transformers import AutoTokenizer

from models.experiments.entity_answers import EntityAnswers, entity_prompts
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.method import ExperimentInput, method_of
from models.language_model.sites import Site
from pipelines.experiments import experiment_input as inputs
from storage.table_schemas import rows_as_table

FRAMES = {"said": "self", "written": "the value of self"}
SITE = Site("resid_post", 1)


@pytest.fixture(autouse=True)
def _a_dictionary_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    dictionary_in_place(monkeypatch)
    sae = complete_dictionary(32)
    found = FeatureDictionary("mid", sae, SITE, SITE, np.full(64, 4.0), np.full(64, 0.5))
    monkeypatch.setattr(inputs, "feature_dictionary", lambda store, named: found)


def given_of(root: Path, change: Any = lambda rows: rows, **settings: Any) -> ExperimentInput[Any]:
    """Twenty words of one token, each with both attributes: whatever is asked, the word itself follows."""
    store = gentle_house(root, {"method": "logit_lens"})
    tokenizer = AutoTokenizer.from_pretrained(root / "weights")
    texts = [tokenizer.decode([token]) for token in range(len(tokenizer))]
    words = sorted({text for text in texts if text.startswith(" ") and text[1:].isalpha() and len(text) > 2})[:20]
    rows = [
        {"subject": word, "label": label, "prompt": frame + word, "answer": word}
        for word in words
        for label, frame in FRAMES.items()
    ]
    write_card(root, "prompt_sets/some", {"kind": "labelled", "prompts": change(rows)})
    write_card(root, "recipes/mid", {"site": str(SITE), "sae": {"expansion": 2, "k": 32}})
    write_card(root, "models/m", {"source": str(root / "weights"), "corpus": {"source": "stdlib"}, "recipes": ["mid"]})
    card = {"method": "attribute_disentanglement", "prompt_set": "some", "recipe": "mid"}
    write_card(root, "experiments/asked", card | {"settings": {"pairs": 16, "epochs": 1, "random_draws": 1} | settings})
    return asked(store)


def test_both_attributes_are_one_word_so_that_none_is_moved_alone(tmp_path: Path):
    given = given_of(tmp_path)
    rows = method_of("attribute_disentanglement").measure(given, given.prompts)["attribute_disentanglement"]
    assert rows_as_table("attribute_disentanglement", rows).num_rows == 2 * 7
    assert {row["n_known"] for row in rows} == {20}
    assert {row["n_entities"] for row in rows} == {8}
    told = {(row["attribute"], row["condition"]): (row["cause"], row["isolation"]) for row in rows}
    for attribute in FRAMES:
        assert told[attribute, "nothing"] == (0, 1)
        assert told[attribute, "whole"] == (1, 0)
    assert all(row["score"] == (row["cause"] + row["isolation"]) / 2 for row in rows)


def test_length_and_place_make_no_difference(tmp_path: Path):
    """With its own activation a prompt says what it says alone; with another's at its last token, what that says."""
    given = given_of(tmp_path)
    prompts = entity_prompts(given.host, given.features, given.prompts, sorted(FRAMES))
    assert isinstance(prompts.answers, EntityAnswers)
    rows = torch.tensor([0, 1, 5])
    alone = []
    for row in rows.tolist():
        logits = given.host.forward(torch.tensor([given.prompts[row].token_ids]))
        assert logits is not None
        alone.append(logits[0, -1, prompts.answers.answer_ids_V])
    with torch.no_grad():
        torch.testing.assert_close(prompts.answers(prompts.x_ND[rows], rows), torch.stack(alone), atol=1e-5, rtol=1e-5)
        other = prompts.answers(prompts.x_ND[torch.tensor([6, 7, 8])], rows).argmax(1)
    assert other.tolist() == prompts.answer_N[[6, 7, 8]].tolist()
    torch.testing.assert_close(
        prompts.error_ND, torch.zeros_like(prompts.error_ND), atol=1e-5, rtol=0, msg="the dictionary is complete"
    )


@pytest.mark.parametrize(
    ("change", "settings", "wanted"),
    [
        (lambda rows: [row | {"subject": None} for row in rows], {}, "row 0 names no subject"),
        (lambda rows: [row | {"label": "said"} for row in rows[::2]], {}, "all rows ask one attribute, said"),
        (
            lambda rows: [*rows, rows[0] | {"answer": rows[2]["answer"]}],
            {},
            "an entity has one value of each attribute",
        ),
        (lambda rows: rows, {"attributes": ["meant"]}, "no row asks meant; there are said, written"),
        (lambda rows: rows, {"fewest_entities": 21}, "asked of 20 entities, wanted 21"),
    ],
)
def test_what_cannot_be_moved_is_said_before_the_first_pass(
    tmp_path: Path, change: Any, settings: dict[str, Any], wanted: str
):
    with pytest.raises(ValueError, match=wanted):
        given_of(tmp_path, change, **settings)


def test_an_attribute_that_the_model_does_not_know_is_refused(tmp_path: Path):
    def wrong(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row | {"answer": rows[(at + 2) % len(rows)]["answer"]} for at, row in enumerate(rows)]

    given = given_of(tmp_path, wrong)
    with pytest.raises(ValueError, match="says the said of 0 entities"):
        method_of("attribute_disentanglement").measure(given, given.prompts)
