"""What fires on a text is what the pipeline stores of the same text, by every dictionary of a model at once."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from small_house import RECIPE, copied_house

from models.language_model.hooked_model import HookedModel
from pipelines.runs.in_process import run_partition
from pipelines.serving.model_hosts import CannotRunModel, ModelHosts
from pipelines.serving.text_context import TextToken
from pipelines.serving.text_features import TextFeatures, TextRequest, text_features
from sql.warehouse import connect

TEXT = "def work_1(item_1):\n    total_1 = item_2 * 3\n"
TEMPLATE = "{% for m in messages %}{{ eos_token }}{{ m.role }}: {{ m.content }}{% endfor %}"
RECIPES = ("late", "small")


@pytest.fixture(scope="module")
def house(made_house: Path, tmp_path_factory):
    root = tmp_path_factory.mktemp("house")
    store = copied_house(made_house, root)
    (root / "registry" / "recipes" / "late.yaml").write_text(
        RECIPE.lstrip("\n").replace("    ", "").replace("@0.5", "@1") + "explanations: {features: 1, scorers: []}\n"
    )
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_partition(store, "first/late", instance).success
    return store


@pytest.fixture(scope="module")
def hosts(house) -> ModelHosts:
    return ModelHosts(house)


def read(hosts: ModelHosts, text: str = TEXT, **how) -> TextFeatures:
    return text_features(hosts, TextRequest("first", text, **how))


def text_of(tokens: tuple[TextToken, ...]) -> str:
    return "".join(token.text for token in tokens if not token.left_out)


def first_contexts(house, n: int):
    """Contexts that begin where a document begins, whose text gives the same tokens again."""
    harvested = house.datasets.harvested(house.registration("first/small"))
    tokenizer = HookedModel.load(house.registration("first/small").model.source, None).tokenizer
    corpus = house.datasets.contexts(harvested)
    for context in [context for context in corpus if context.start == 0][:n]:
        ids = [int(token) for token in context.token_ids if int(token) not in corpus.token_filter.special_ids]
        text = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if tokenizer(text, add_special_tokens=False)["input_ids"] == ids:  # a cut may fall within a word
            yield context, text


def test_values_equal_the_stored_rows_of_two_dictionaries_at_two_layers(house, hosts):
    compared: dict[str, int] = dict.fromkeys(RECIPES, 0)
    con = connect(house.published)
    for context, text in first_contexts(house, 8):
        found = read(hosts, text)
        assert text_of(found.tokens) == text
        assert [token.token_id for token in found.tokens] == context.token_ids.tolist()
        assert [(one.recipe_id, one.layer) for one in found.dictionaries] == [("small", 1), ("late", 2)]
        for one in found.dictionaries:
            stored = con.execute(
                "select position, feature_id, activation from feature_activation "
                "where model_id = 'first' and recipe_id = $recipe and context_id = $id order by all",
                {"recipe": one.recipe_id, "id": context.context_id},
            ).fetchall()
            assert [row[:2] for row in one.activations] == [row[:2] for row in stored], context.document_id
            np.testing.assert_allclose([row[2] for row in one.activations], [row[2] for row in stored], rtol=1e-4)
            compared[one.recipe_id] += len(stored)
    con.close()
    assert min(compared.values()) > 300, "too few activations to mean anything"


def test_the_model_runs_once_and_no_further_than_the_last_site(house):
    hosts, ran = ModelHosts(house), []
    read(hosts)
    [loaded] = hosts._models.values()
    for number, block in enumerate(loaded.host.module_map.blocks):
        block.register_forward_pre_hook(lambda *_, number=number: ran.append(number))
    read(hosts)
    assert ran == [0, 1, 2], "one pass for both dictionaries"
    ran.clear()
    read(hosts, recipe_ids=("small",))
    assert ran == [0, 1]
    assert [*hosts._models.values()] == [loaded], "a model is loaded once"


def test_a_dictionary_alone_says_what_it_says_among_others(hosts):
    alone = read(hosts, recipe_ids=("late",))
    [among] = [one for one in read(hosts).dictionaries if one.recipe_id == "late"]
    assert alone.dictionaries == (among,)
    assert {place for place, *_ in among.activations} <= {
        place for place, token in enumerate(alone.tokens) if not token.left_out
    }


def test_the_result_is_plain_data(hosts):
    found = read(hosts)
    assert json.loads(json.dumps(asdict(found)))["tokens"][1]["text"] == found.tokens[1].text


def test_a_text_longer_than_a_context_is_cut_and_says_so(hosts):
    found = read(hosts, TEXT * 2500)
    assert (TEXT * 2500).startswith(text_of(found.tokens))
    [note] = found.notes
    assert "only the first" in note


@pytest.mark.parametrize(
    "text", ["a\0b", "\u202eabc \u2066def", "😀 漢字 \u0301", "x" * 100_000, "'; drop table feature; --", "\ud800 a"]
)
def test_any_text_is_read(hosts, text):
    found = read(hosts, text.encode("utf-8", "replace").decode())
    assert any(one.activations for one in found.dictionaries)


def test_a_text_without_a_token_is_refused(hosts):
    with pytest.raises(ValueError, match="no token that a feature could fire on"):
        read(hosts, "")


def test_tokens_that_are_left_out_say_why_and_have_no_activation(house, monkeypatch):
    hosts = ModelHosts(house)
    frame = {token.left_out for token in read(hosts).tokens} - {""}
    assert frame <= {"put around every context, no part of the text"}
    plain = read(hosts, recipe_ids=("late",)).dictionaries[0]
    fired = {place for place, *_ in plain.activations}
    harvest = hosts.harvest

    def strict(model_id, site):
        found = harvest(model_id, site)
        return replace(found, facts=found.facts | {"norm_limit": 0.0})

    monkeypatch.setattr(hosts, "harvest", strict)
    [limited] = read(hosts, recipe_ids=("late",)).dictionaries
    assert (limited.activations, limited.norm_limit) == ((), 0.0)
    assert fired <= set(limited.outliers)


def test_chat_is_read_through_the_template_and_its_special_tokens_are_left_out(house, hosts, tmp_path, monkeypatch):
    assert not hosts.has_chat_template("first")
    with pytest.raises(ValueError, match="no chat template"):
        read(hosts, is_chat=True)
    weights = shutil.copytree(house.registration("first/small").model.source, tmp_path / "weights")
    (weights / "chat_template.jinja").write_text(TEMPLATE)
    chatty = ModelHosts(house)
    sources = {"model": {"source": str(weights)}}
    monkeypatch.setattr(chatty, "row", lambda table, **keys: hosts.row(table, **keys) | sources.get(table, {}))
    assert chatty.has_chat_template("first")
    found = read(chatty, "total_1 = 2", is_chat=True)
    text = "".join(token.text for token in found.tokens if not token.left_out)
    assert text == "user: total_1 = 2"
    assert read(chatty, "total_1 = 2") == read(hosts, "total_1 = 2"), "without the template as ever"
    assert read(chatty, "", is_chat=True).tokens, "the role alone is text"


def test_a_text_of_special_tokens_alone_is_text_unless_the_card_says_otherwise(house, hosts, monkeypatch):
    [loaded] = hosts._models.values()
    special = loaded.host.tokenizer.eos_token
    assert text_of(read(hosts, special * 3).tokens) == special * 3
    contexts = type(house.datasets).contexts

    def parsed(self, manifest):
        found = contexts(self, manifest)
        facts = {**found.manifest.facts, "special_strings": "tokens"}
        return type(found)(found.folder, replace(found.manifest, facts=facts))

    monkeypatch.setattr(type(house.datasets), "contexts", parsed)
    found = read(hosts, special * 3)
    assert all(token.left_out for token in found.tokens)
    assert not any(one.activations for one in found.dictionaries)
    assert "no token of the text is read" in found.notes[0]


def test_progress_is_told_and_who_does_not_wait_ends_it(hosts):
    class Left(Exception):
        pass

    said: list[str] = []
    text_features(hosts, TextRequest("first", TEXT), said.append)
    assert [*map(str.split, said)][-1][:4] == ["dictionary", "2", "of", "2,"]

    def leave(sentence: str) -> None:
        raise Left

    with pytest.raises(Left):
        text_features(hosts, TextRequest("first", TEXT), leave)
    assert read(hosts).tokens, "the turn was given back"


def test_what_cannot_be_run_is_refused_with_the_reason(house, hosts, monkeypatch):
    with pytest.raises(CannotRunModel, match="materialize"):
        read(hosts, recipe_ids=("none",))
    with pytest.raises(CannotRunModel, match="materialize"):
        text_features(hosts, TextRequest("none", "text"))
    some = read(hosts, recipe_ids=("none", "late"))
    assert [(one.recipe_id, bool(one.refused)) for one in some.dictionaries] == [("none", True), ("late", False)]
    for changed, said in (
        ({"source": "nobody/has-this"}, "is not on this machine"),
        ({"source": "no/folder/any/more"}, "is not on this machine"),
        ({"source": "s3://bucket/model"}, "is not on this machine"),
        ({"n_parameters": 7_000_000_000}, "7.0 G parameters"),
        ({"weights_sha256": "0" * 64}, "other weights now"),
    ):
        other = ModelHosts(house)
        monkeypatch.setattr(other, "row", lambda table, changed=changed, **keys: hosts.row(table, **keys) | changed)
        with pytest.raises(CannotRunModel, match=said):
            read(other)
