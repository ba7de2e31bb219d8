"""A concept search from its texts to its rows: by card, by pasted examples, and on the command line."""

import itertools
from pathlib import Path

import pytest
from experiment_house import write_card
from text_set_house import asked, dictionary_in_place, text_set_house, two_labels

from models.experiments.labelled_texts import labelled_texts
from models.experiments.method import method_of
from pipelines.serving.experiment_asker import _question, typed_method
from storage.table_schemas import rows_as_table


@pytest.fixture(autouse=True)
def _a_dictionary_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    dictionary_in_place(monkeypatch)


def test_the_features_of_a_sign_are_found_and_judged_on_other_groups(tmp_path: Path):
    given = asked(text_set_house(tmp_path, "concept_search", two_labels(), kept_features=8, texts_of=2, shown_texts=2))
    rows = method_of("concept_search").measure(given, given.prompts)
    found = rows["feature_contrast"]
    assert rows_as_table("feature_contrast", found).num_rows == 8
    assert [row["rank"] for row in found] == list(range(8))
    assert found[0]["q"] < 0.05
    assert found[0]["test_auroc"] > 0.9 or found[0]["test_auroc"] < 0.1
    assert found[0]["recall"] > 0.8
    assert all(abs(a["auroc"] - 0.5) >= abs(b["auroc"] - 0.5) for a, b in itertools.pairwise(found))
    texts = rows["feature_contrast_text"]
    assert rows_as_table("feature_contrast_text", texts).num_rows == len(texts)
    assert {row["feature_id"] for row in texts} == {row["feature_id"] for row in found[:2]}
    label = {prompt.prompt_id: prompt.prompt.label for prompt in given.prompts}
    assert {label[row["prompt_id"]] for row in texts if row["kind"] == "right"} == {"comma"}


def test_mistakes_are_those_of_test_texts_clearest_first_and_tests_are_of_training_groups(tmp_path: Path):
    settings = {"kept_features": 40, "texts_of": 40, "shown_texts": 100}
    given = asked(text_set_house(tmp_path, "concept_search", two_labels(), **settings))
    rows = method_of("concept_search").measure(given, given.prompts)
    task, kinds = labelled_texts(given).task, set[str]()
    of_test = {prompt.prompt_id for prompt, is_test in zip(given.prompts, task.is_test_N, strict=True) if is_test}
    label = {prompt.prompt_id: prompt.prompt.label for prompt in given.prompts}
    n_groups = len({prompt.group_name for prompt in given.prompts if prompt.prompt_id not in of_test})
    for feature in rows["feature_contrast"]:
        assert feature["n_units"] == feature["n_other_units"] == n_groups, "each training group has both labels"
        mine = [row for row in rows["feature_contrast_text"] if row["feature_id"] == feature["feature_id"]]
        assert {row["prompt_id"] for row in mine} <= of_test
        counts = {}
        for kind, of_kind in (("right", "comma"), ("false_alarm", "colon"), ("miss", "comma")):
            shown = [row for row in mine if row["kind"] == kind]
            kinds |= {kind} if len({row["activation"] for row in shown}) > 1 else set()
            assert {label[row["prompt_id"]] for row in shown} <= {of_kind}
            for row in shown:
                said = (row["activation"] > feature["threshold"]) == feature["is_above"]
                assert said == (kind != "miss")
            distances = [abs(row["activation"] - feature["threshold"]) for row in shown]
            assert distances == sorted(distances, reverse=True), "the clearest stand first"
            counts[kind] = len(shown)
        n = feature["n_test_of_label"]
        assert counts["right"] + counts["miss"] == n
        assert feature["recall"] == pytest.approx(counts["right"] / n)
        assert feature["false_positive_rate"] == pytest.approx(counts["false_alarm"] / (feature["n_test"] - n))
    assert kinds == {"right", "false_alarm", "miss"}


def test_pasted_examples_are_a_question_with_cards(tmp_path: Path):
    store = text_set_house(tmp_path, "concept_search", two_labels())
    method = typed_method("concept_search", ("mid",))
    assert method is not None
    assert method.columns == ("texts", "other_texts")
    lines = {
        name: "\n".join(f"{word}{sign} {word}{sign}" for word in "abcdefg")
        for name, sign in (("texts", ":"), ("other_texts", ","))
    }
    question = _question(method, "m", lines | {"recipe": "mid"})
    answer = question.ask(store)
    assert {row["label"] for row in answer.rows["feature_contrast"]} == {"these"}
    cards = question.cards(store)
    assert "kind: labelled" in cards
    assert "method: concept_search" in cards
    with pytest.raises(ValueError, match="other_texts: 2 texts, wanted 6 at least"):
        _question(method, "m", lines | {"other_texts": "a\nb"})
    blocks = "\n\n".join(f"def {word}():\n    pass" for word in "abcdefg")
    assert [prompt.prompt for prompt in _question(method, "m", lines | {"texts": blocks}).prompts][
        1
    ] == "def b():\n    pass"
    assert typed_method("concept_search", ()) is None


def test_the_command_shows_features_and_the_card_that_repeats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from pipelines.cli.interventions.find import find

    store = text_set_house(tmp_path, "concept_search", two_labels())
    for name, value in (("HOME", store.home), ("REGISTRY", store.registry), ("WAREHOUSE", store.warehouse)):
        monkeypatch.setenv(f"GLASSHOUSE_{name}", str(value))
    find("m/mid", "labelled", label="comma", most=3)
    said = capsys.readouterr().out
    assert "comma" in said
    assert "features tested" in said.replace("\n", " ")
    find("m/mid", "labelled", label="comma", card=True)
    said = capsys.readouterr().out
    name, _, body = said.partition("\n")
    assert name == "# registry/experiments/labelled-search.yaml"
    (tmp_path / "registry/experiments/asked.yaml").write_text(body)
    assert asked(store).settings.labels == ["comma"]
    with pytest.raises(ValueError, match="some is no set of labelled texts; there are labelled"):
        find("m/mid", "some")
    write_card(tmp_path, "experiments/asked", {"method": "concept_search", "prompt_set": "labelled", "recipe": "mid"})
