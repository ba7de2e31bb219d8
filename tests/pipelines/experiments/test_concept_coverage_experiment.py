"""Coverage of words from card to rows; ends of words are those of the text."""

from pathlib import Path

import pytest
import torch
from text_set_house import asked, dictionary_in_place, text_set_house, two_labels

from models.experiments.method import method_of
from models.experiments.methods.concept_coverage import concepts, half_of, word_ends
from models.experiments.settings.concept_coverage import ConceptCoverageSettings
from storage.table_schemas import rows_as_table

CARD = {"words": ["width", "height", "self"], "fewest_occurrences": 2}


@pytest.fixture(autouse=True)
def _a_dictionary_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    dictionary_in_place(monkeypatch)


def test_words_have_rows_and_their_rates_are_counts(tmp_path: Path):
    given = asked(text_set_house(tmp_path, "concept_coverage", two_labels(48), **CARD))
    rows = method_of("concept_coverage").measure(given, given.prompts)
    for table, each in rows.items():
        assert rows_as_table(table, each).num_rows == len(each)
    [law] = rows["coverage_law"]
    assert law["n_tokens"] == sum(len(prompt.token_ids) - 1 for prompt in given.prompts)
    assert {row["word"] for row in rows["concept_coverage"]} == set(CARD["words"])
    for row in rows["concept_coverage"]:
        texts: dict[str, int] = dict.fromkeys(("choosing", "reporting"), 0)
        for prompt in given.prompts:
            words = prompt.prompt.text.replace(":", " ").replace(",", " ").split()
            is_cut = (
                len(given.host.tokenizer(words[0])["input_ids"]) > 1
            )  # else the only token that is not read ends it
            texts[half_of(prompt, 0)] += words[0 if is_cut else 1 :].count(row["word"])
        assert (row["n_choosing"], row["n_reporting"]) == (texts["choosing"], texts["reporting"])


def test_a_word_ends_at_its_last_token_and_within_no_longer_one(tmp_path: Path):
    tokenizer = asked(text_set_house(tmp_path, "concept_coverage", two_labels(48), **CARD)).host.tokenizer
    text = "self.height = heights; myself"
    ends = word_ends(tokenizer, text, {"height": 0, "self": 1}).todense()
    spans = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    assert [spans[token][1] for token in ends[0].nonzero()[0]] == [len("self.height")]
    assert [spans[token][1] for token in ends[1].nonzero()[0]] == [len("self")]


def test_without_words_all_of_the_standard_library_are_meant():
    known = concepts(ConceptCoverageSettings())
    assert known["asyncio"] == "module"
    assert known["while"] == "keyword"
    assert len(known) > 200


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"words": ["two words"]}, "'two words' is not one word"),
        ({"words": ["zebra"]}, "none of 1 words occurs 2 times in either half of 48 texts"),
    ],
)
def test_words_that_cannot_be_counted_are_refused(tmp_path: Path, settings: dict[str, list[str]], wanted: str):
    with pytest.raises(ValueError, match=wanted):
        asked(text_set_house(tmp_path, "concept_coverage", two_labels(48), **(CARD | settings)))


def test_recall_is_counted_where_the_plain_model_is_positive_in_the_half_that_did_not_choose(tmp_path: Path):
    """A feature of the complete dictionary is one sign of a coordinate behind the first block."""
    given = asked(text_set_house(tmp_path, "concept_coverage", two_labels(48), **CARD))
    rows = method_of("concept_coverage").measure(given, given.prompts)["concept_coverage"]
    ends_of_group: dict[str, set[str]] = {}
    counts = {row["word"]: [0, 0] for row in rows}
    for prompt in given.prompts:
        half, n = half_of(prompt, given.seed), prompt.n_special
        ends_of_group.setdefault(prompt.group_name, set()).add(half)
        with torch.no_grad():
            hidden = given.host.model(torch.tensor([prompt.token_ids]), output_hidden_states=True).hidden_states[1]
        for row in rows:
            ends = word_ends(given.host.tokenizer, prompt.prompt.text, {row["word"]: 0}).todense()[0]
            sign = 1 if row["feature_id"] < 32 else -1
            for token in ends.nonzero()[0]:
                if half == "reporting" and token + n >= max(n, 1):
                    counts[row["word"]][0] += bool(sign * hidden[0, n + token, row["feature_id"] % 32] > 0)
                    counts[row["word"]][1] += 1
    assert {row["word"]: row["recall"] for row in rows} == pytest.approx(
        {word: a / b for word, (a, b) in counts.items()}
    )
    assert min(row["recall"] for row in rows) < 1
    assert all(len(halves) == 1 for halves in ends_of_group.values()), "alike texts stand on one half"
    assert set.union(*ends_of_group.values()) == {"choosing", "reporting"}
