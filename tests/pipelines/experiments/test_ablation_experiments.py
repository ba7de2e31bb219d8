"""Targeted perturbation and spurious removal from a text set's card to their rows."""

from pathlib import Path
from typing import Any

import pytest
from text_set_house import WORDS, asked, dictionary_in_place, text_set_house, two_labels

from models.experiments.labelled_texts import labelled_texts
from models.experiments.method import method_of
from storage.table_schemas import rows_as_table


@pytest.fixture(autouse=True)
def _a_dictionary_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    dictionary_in_place(monkeypatch)


def of_two_columns(n: int = 160) -> list[dict[str, Any]]:
    """Colons or commas, and a mark that has nothing to do with it: `!` or `?` behind."""
    rows = []
    for number in range(n):
        words = [WORDS[(number * 5 + place) % len(WORDS)] for place in range(4)]
        sign, label = ((":", "colon"), (",", "comma"))[number % 2]
        mark, spurious = (("!", "loud"), ("?", "asked"))[number // 2 % 2]
        row = {"text": f"{sign} ".join(words) + f" {mark}" * 4, "label": label, "spurious": spurious}
        rows.append(row | {"group": f"g{number // 8}"})
    return rows


def test_a_label_is_taken_out_of_texts_by_its_features(tmp_path: Path):
    store = text_set_house(tmp_path, "targeted_perturbation", two_labels(), latents=[2, 20], random_draws=1)
    given = asked(store)
    method = method_of("targeted_perturbation")
    rows = method.measure(given, given.prompts)["targeted_perturbation"]
    assert rows_as_table("targeted_perturbation", rows).num_rows == 3 * 2 * 2
    means = {(row["condition"], row["n_latents"]): row for row in rows if row["label"] is None}
    assert means["chosen", 20]["unablated_accuracy"] > 0.9
    assert means["chosen", 20]["intended"] > 0.3
    assert all(row["score"] == pytest.approx(row["intended"] - row["unintended"]) for row in rows)
    assert method.passes(given).forward == 48


def test_a_bias_is_measured_both_ways(tmp_path: Path):
    store = text_set_house(tmp_path, "spurious_removal", of_two_columns(), latents=[4], random_draws=1)
    given = asked(store)
    rows = method_of("spurious_removal").measure(given, given.prompts)["spurious_removal"]
    assert rows_as_table("spurious_removal", rows).num_rows == 2 * 2
    by_target = {row["target"]: row for row in rows if row["condition"] == "chosen"}
    assert by_target["label"]["is_reported"] != by_target["spurious"]["is_reported"]
    assert (by_target["label"]["labels"], by_target["label"]["spurious_labels"]) == (
        ["colon", "comma"],
        ["asked", "loud"],
    )
    assert min(row["clean_accuracy"] for row in rows) > 0.9


def test_absorption_of_labels_is_told_of_kinds_that_chose_nothing(tmp_path: Path):
    store = text_set_house(tmp_path, "concept_absorption", two_labels_by_kind(), random_draws=1, pool="mean")
    given = asked(store)
    rows = method_of("concept_absorption").measure(given, given.prompts)
    assert [row["label"] for row in rows["concept_absorption"]] == ["colon", "comma"]
    assert min(row["probe_f1"] for row in rows["concept_absorption"]) > 0.9
    kinds = {row["kind"] for row in rows["concept_absorption_kind"]}
    texts = labelled_texts(given).task
    assert kinds == {kind for kind, is_test in zip(texts.group_N, texts.is_test_N, strict=True) if is_test}
    for table, of_table in rows.items():
        assert rows_as_table(table, of_table).num_rows == len(of_table)


def two_labels_by_kind() -> list[dict[str, Any]]:
    """Ten kinds of either label, of eight texts each."""
    return [row | {"group": f"{row['label']} {number // 2 % 10}"} for number, row in enumerate(two_labels(160))]


@pytest.mark.parametrize(
    ("method", "texts", "settings", "wanted"),
    [
        ("spurious_removal", two_labels(), {}, r"the column spurious has 0 values \(none\), wanted two"),
        ("spurious_removal", of_two_columns(), {"labels": ["colon", "dash"]}, "no text has the label dash"),
        ("spurious_removal", of_two_columns(60), {}, "wanted 10 of each combination"),
        ("spurious_removal", of_two_columns(), {"pool": "max"}, "cannot be taken out of a largest activation"),
        ("targeted_perturbation", two_labels(), {"pool": "max"}, "cannot be taken out of a largest activation"),
        ("concept_absorption", two_labels_by_kind(), {"pool": "max"}, "cannot be taken out of a largest activation"),
        ("concept_absorption", two_labels(), {}, "'g0' stands under colon and comma: a kind is of one concept"),
        ("concept_absorption", two_labels_by_kind(), {"fewest_kinds": 11}, "'colon' has 10 groups, wanted 11"),
    ],
)
def test_what_cannot_be_taken_out_is_said_before_the_first_pass(
    tmp_path: Path, method: str, texts: list[dict[str, Any]], settings: dict[str, Any], wanted: str
):
    with pytest.raises(ValueError, match=wanted):
        asked(text_set_house(tmp_path, method, texts, **settings))
