"""Sparse probing from a text set's card to its rows; what a set cannot be asked is said before the first pass."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from experiment_house import write_card
from text_set_house import WORDS, asked, dictionary_in_place, text_set_house, two_labels

from models.evaluation.concept_probing import ConceptTask
from models.experiments.methods import sparse_probing
from models.experiments.methods.sparse_probing import METHOD
from pipelines.registry.experiment_cards import PromptSetCard
from pipelines.store.prompt_reading import prompts_sha256
from pipelines.store.store import Store


def prompt_set_of(store: Store) -> PromptSetCard:
    """That of the house's experiment."""
    card = store.experiment("m/asked").prompt_set
    assert card is not None
    return card


@pytest.fixture(autouse=True)
def _a_dictionary_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    dictionary_in_place(monkeypatch)


def one_short_label() -> list[dict[str, Any]]:
    """Of seven labels one has short texts: the others are hardly longer than all but themselves."""
    words = {label: " ".join(WORDS[: 2 if label == "l3" else 6]) for label in (f"l{n}" for n in range(7))}
    return [{"text": words[f"l{n % 7}"], "label": f"l{n % 7}", "group": f"g{n}"} for n in range(56)]


def test_a_label_that_tokens_give_away_is_told_by_few_features(tmp_path: Path):
    given = asked(text_set_house(tmp_path, "sparse_probing", two_labels(), latents=[1, 5], random_draws=2))
    rows = METHOD.measure(given, given.prompts)["sparse_probe"]
    assert {row["label"] for row in rows} == {"comma"}, "of two labels one is told"
    value = {(row["reads"], row["n_latents"]): row["value"] for row in rows if row["metric"] == "auroc"}
    assert value["chosen_latents", 5] > 0.9
    assert value["raw_activation", None] > 0.95
    assert all(row["length_area"] == pytest.approx(0.556, abs=1e-3) for row in rows)
    assert {(row["n_train"] + row["n_test"], row["recipe_id"]) for row in rows} == {(48, "mid")}
    assert METHOD.passes(given).forward == 48


def test_penalties_are_chosen_on_groups_of_training_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tasks: list[ConceptTask] = []
    monkeypatch.setattr(sparse_probing, "concept_probing", lambda texts, task, ks: iter(tasks.append(task) or ()))
    given = asked(text_set_house(tmp_path, "sparse_probing", two_labels()))
    METHOD.measure(given, given.prompts)
    [task] = tasks
    assert task.inner is not None
    sides = [*task.inner, np.flatnonzero(task.is_test_N)]
    groups = [set(task.group_N[rows].tolist()) for rows in sides]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 12
    assert sum(map(len, sides)) == 48


@pytest.mark.parametrize(
    ("texts", "settings", "wanted"),
    [
        (two_labels(longer=8), {}, "texts of label 'colon' are longer than the others: .* an area of 1.00"),
        (one_short_label(), {"fewest_texts": 2}, "texts of label 'l3' are shorter than the others"),
        (two_labels(30), {}, "label 'colon' has 15 texts, wanted 20"),
        ([row | {"group": "one"} for row in two_labels()], {}, "all rows are of one group"),
        ([row | {"split": "train" if n % 3 else "test"} for n, row in enumerate(two_labels())], {}, "12 of 12 groups"),
        ([row | {"split": "dev"} for row in two_labels()], {}, "split is 'dev', wanted train or test"),
        (two_labels(), {"labels": ["dash"]}, "no label dash; there are colon, comma"),
        (two_labels(), {"skip_tokens": 50}, "row 2 has .* leaves none"),
    ],
)
def test_what_a_set_cannot_be_asked_is_said_before_the_first_pass(
    tmp_path: Path, texts: list[dict[str, Any]], settings: dict[str, Any], wanted: str
):
    store = text_set_house(tmp_path, "sparse_probing", texts, **settings)
    with pytest.raises(ValueError, match=wanted):
        asked(store)


def test_matched_lengths_are_asked_where_labels_follow_length(tmp_path: Path):
    store = text_set_house(
        tmp_path, "sparse_probing", two_labels(longer=8), lengths="matched", latents=[1], random_draws=1
    )
    given = asked(store)
    [area] = {row["length_area"] for row in METHOD.measure(given, given.prompts)["sparse_probe"]}
    assert area == pytest.approx(0.5, abs=0.01)


def test_a_text_set_is_checked_as_a_card(tmp_path: Path):
    store = text_set_house(tmp_path, "sparse_probing", two_labels())
    for values, wanted in (
        ({"texts": [{"text": "a", "lable": "b"}]}, "row 0: unknown column lable; there are text, label"),
        ({"texts": [{"text": "a"}]}, "label is missing"),
        ({}, "either `texts`"),
        ({"source": "a.csv", "columns": {"foil": "b"}}, "a text set has no column foil"),
    ):
        write_card(tmp_path, "text_sets/labelled", values)
        assert wanted in store.cards().errors["text_sets/labelled.yaml"]
    write_card(tmp_path, "text_sets/some", {"texts": two_labels(4)})
    assert "prompt_sets holds a card of this name too" in store.cards().errors["text_sets/some.yaml"]


def test_a_file_of_texts_is_drawn_by_label_and_its_rows_are_the_sets_identity(tmp_path: Path):
    store, file = text_set_house(tmp_path, "sparse_probing", two_labels()), tmp_path / "reviews.csv"
    lines = ["review,stars,noted"] + [f"text {number},{'good' if number % 3 else 'bad'},x" for number in range(90)]
    file.write_text("\n".join(lines))
    columns = {"text": "review", "label": "stars", "spurious": "noted"}
    card = {"source": str(file), "columns": columns, "max_per_label": 10, "max_tokens": 2}
    write_card(tmp_path, "text_sets/labelled", card)
    sha256 = prompts_sha256(prompt_set_of(store))
    write_card(tmp_path, "text_sets/labelled", card | {"columns": columns | {"spurious": "stars"}})
    assert prompts_sha256(prompt_set_of(store)) != sha256
    write_card(tmp_path, "text_sets/labelled", card | {"max_per_label": 20})
    given = asked(store)
    assert sorted(str(prompt.prompt.label) for prompt in given.prompts) == ["bad"] * 20 + ["good"] * 20
    assert {len(prompt.token_ids) for prompt in given.prompts} == {2}
