"""Lists of features: cards that are checked as cards are, and the rows that they become."""

import pytest

from pipelines.registry.cards import InvalidCard, read_card
from pipelines.registry.feature_lists import FeatureListCard, list_rows

LIST = """
title: Imports
author: anna
features:
  - {feature: m/r/7, note: the word}
  - feature: m/r/3
"""


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("features: [{feature: m/r/7}]\n", "title"),
        ("title: x\n", "features"),
        ("title: x\nfeatures: []\n", "features"),
        ("title: x\nfeatures:\n  - {feature: m/r}\n", "line 3: features.0 = 'm/r': wanted model_id"),
        ("title: x\nfeatures:\n  - {feature: m/r/-1}\n", "wanted model_id/recipe_id/number"),
        ("title: x\nfeatures:\n  - {feature: ../r/1}\n", "wanted model_id/recipe_id/number"),
        ("title: x\nfeatures:\n  - {feature: m/r/7}\n  - {feature: m/r/07}\n", "m/r/07 stands there twice"),
        ("title: x\nfeatures:\n  - {feature: m/r/7, label: x}\n", "extra|unknown key"),
        (f"title: x\nnote: {'n' * 5000}\nfeatures: [{{feature: m/r/7}}]\n", "4096 characters"),
    ],
)
def test_a_list_that_is_none_is_refused_by_line_and_key(text: str, named: str):
    with pytest.raises(InvalidCard, match=named):
        read_card(FeatureListCard, "lists/x.yaml", text)


def test_a_tag_is_proposed_until_somebody_confirms_or_strikes_it():
    text = "title: x\nfeatures:\n  - {feature: m/r/7, tag: scam}\n  - {feature: m/r/3, tag: other, status: struck}\n"
    rows = list_rows({"x": read_card(FeatureListCard, "lists/x.yaml", text)})["feature_list_entry"]
    assert [row[-2:] for row in rows] == [("scam", "proposed"), ("other", "struck")]
    with pytest.raises(InvalidCard, match="'sinister': Input should be 'code_vulnerability'"):
        read_card(FeatureListCard, "lists/x.yaml", text.replace("scam", "sinister"))


def test_a_list_becomes_a_row_and_a_row_for_each_feature():
    card = read_card(FeatureListCard, "lists/imports.yaml", LIST)
    assert list_rows({"imports": card}) == {
        "feature_list": [("imports", "Imports", None, "anna")],
        "feature_list_entry": [
            ("imports", 0, "m", "r", 7, "the word", None, None),
            ("imports", 1, "m", "r", 3, None, None, None),
        ],
    }
