"""Toy models from card to rows, with a dictionary's features beside them."""

from pathlib import Path

import pytest
from text_set_house import asked, dictionary_in_place, text_set_house, two_labels

from models.experiments.method import method_of
from storage.table_schemas import rows_as_table

FAST = {"features": 8, "hidden": 2, "densities": 3, "phase_grid": 2, "restarts": 2, "examples": [4, 8], "steps": 20}


def test_toys_and_features_have_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    dictionary_in_place(monkeypatch)
    given = asked(text_set_house(tmp_path, "superposition", two_labels(24), **FAST))
    rows = method_of("superposition").measure(given, given.prompts)
    for table, each in rows.items():
        assert rows_as_table(table, each).num_rows == len(each)
    toys = rows["toy_model"]
    assert [row["toy_id"] for row in toys] == list(range(3 + 4 + 2))
    assert [row["kind"] for row in toys] == ["sweep"] * 3 + ["phase"] * 4 + ["few_examples"] * 2
    assert len(rows["toy_feature"]) == 3 * 8
    found = rows["feature_interference"]
    assert all(row["dimensionality"] == pytest.approx(0.5) for row in found), "a coordinate's two signs share it"
    assert all(row["leak"] == pytest.approx(0, abs=1e-5) for row in found), "no other feature writes along it"


def test_a_toy_with_a_dimension_for_each_feature_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    dictionary_in_place(monkeypatch)
    with pytest.raises(ValueError, match="hidden: 8 and features: 8: a toy with a dimension for each feature has no"):
        asked(text_set_house(tmp_path, "superposition", two_labels(24), **(FAST | {"hidden": 8})))
