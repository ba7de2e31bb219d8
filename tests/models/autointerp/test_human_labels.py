"""What a person may write as a label, and that it stands beside the explainers' labels as one of them."""

from datetime import datetime

import pytest

from models.autointerp.human_labels import HumanLabel, checked_human_label, require_known_features
from models.autointerp.stages import with_human_labels
from storage.table_schemas import rows_as_table

AT = datetime(2026, 11, 29, 20, 45)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("a" * 100_000, "100,000 characters, and 300 are allowed"),
        ("7", "the feature's own number"),
        ("Feature 7", "the feature's own number"),
        ("#7", "the feature's own number"),
        ("m/r/7", "the feature's own number"),
        ("f7", "an id of the question"),
        ("<peak>import</peak>", "tag"),
        ("importimportimportimportimport", "again and again"),
    ],
)
def test_what_is_no_label_is_refused_with_a_sentence(text: str, named: str):
    with pytest.raises(ValueError, match=named):
        checked_human_label(7, text)


def test_a_label_of_any_script_is_kept_in_one_line_and_half_a_character_is_replaced():
    assert checked_human_label(7, " שלום\n عالم ").label == "שלום عالم"
    assert checked_human_label(7, "half \ud800").label == "half \ufffd"
    assert checked_human_label(7, "8 bits or 7").label == "8 bits or 7"


def test_a_label_of_a_feature_that_is_not_there_is_refused():
    require_known_features([HumanLabel(3, "x")], 4, "m/r")
    with pytest.raises(ValueError, match="features 0 to 3, and a person's label is of 4"):
        require_known_features([HumanLabel(3, "x"), HumanLabel(4, "x")], 4, "m/r")


def test_peoples_labels_take_the_place_of_their_earlier_ones_and_leave_the_others():
    machine = {"explanation_id": "e", "feature_id": 1, "explainer": "lexical", "label": "`x`", "status": "ok"}
    first = with_human_labels(rows_as_table("explanation", [machine]), "m/r", [HumanLabel(1, "old", "anna", AT)])
    then = with_human_labels(
        first, "m/r", [HumanLabel(1, "same", "anna", AT), HumanLabel(1, "same", "ben"), HumanLabel(0, "zero")]
    )
    rows = then.to_pylist()
    assert [(row["feature_id"], row["explainer"], row["author"], row["label"]) for row in rows] == [
        (0, "human", None, "zero"),
        (1, "lexical", None, "`x`"),
        (1, "human", "anna", "same"),
        (1, "human", "ben", "same"),
    ]
    assert rows[2]["created_at"] == AT
    assert len({row["explanation_id"] for row in rows}) == 4, "two people who say the same are two explanations"
    assert with_human_labels(then, "m/r", []).to_pylist() == [rows[1]]
