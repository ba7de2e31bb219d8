"""A recipe with `layers` asks for a dictionary of each block; one that contradicts itself is refused by key."""

from pathlib import Path

import pytest

from pipelines.registry.cards import InvalidCard, RecipeCard, read_card
from pipelines.registry.registry import Registry
from storage.folder import Folder

MODEL = "source: models/demo\ncorpus: {source: stdlib, tokens: 1_000, context_length: 32}\n"
SET = "site: mlp_in.*\nlayers: 1-3\nsae: {architecture: topk, n_features: 64, k: 4, output_site: mlp_out.*}\n"
CLT = SET.replace("topk", "cross_layer_transcoder")


def registry(folder: Path, recipes: dict[str, str], model: str = MODEL, **experiments: str) -> Registry:
    cards = {f"recipes/{name}": text for name, text in recipes.items()} | {"models/m": model}
    cards |= {f"experiments/{name}": text for name, text in experiments.items()}
    for name, text in cards.items():
        (folder / f"{name}.yaml").parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(text)
    return Registry.read(Folder(str(folder)))


def test_the_example_of_transcoders_is_read() -> None:
    cards = Registry.read(Folder("examples/transcoders"))
    assert (cards.errors, list(cards.sets)) == ({}, ["across", "within"])
    assert {card.sae.k for card in cards.recipes.values()} == {16}, "they are compared at one L0"


def test_each_block_is_a_partition_that_knows_its_set(tmp_path: Path) -> None:
    cards = registry(tmp_path, {"set": SET, "alone": "site: embed\nsae: {n_features: 64, k: 4}\n"})
    assert (cards.errors, cards.sae_ids()) == ({}, ["m/alone", "m/set.1", "m/set.2", "m/set.3"])
    second = cards.registration("m/set.2", lambda source, revision: "r", lambda source, revision: "r")
    assert second.recipe.sites == ["mlp_in.2", "mlp_out.2"]
    assert (second.set_id, second.set_recipe_ids) == ("set", ("set.1", "set.2", "set.3"))
    alone = cards.registration("m/alone", lambda source, revision: "r", lambda source, revision: "r")
    assert (alone.set_id, alone.set_recipe_ids) == (None, ("alone",))
    assert second.dictionary_identity != alone.dictionary_identity


def test_a_name_of_a_set_stands_for_its_dictionaries(tmp_path: Path) -> None:
    recipes = {"set": SET, "other": "site: embed\nsae: {n_features: 64, k: 4}\n"}
    cards = registry(tmp_path, recipes, MODEL + "recipes: [set]\n")
    assert (cards.errors, cards.sae_ids()) == ({}, ["m/set.1", "m/set.2", "m/set.3"])
    assert cards.dictionaries_of("set") == ("set.1", "set.2", "set.3")
    assert cards.dictionaries_of("other") == ("other",)


def test_a_method_that_reads_one_dictionary_refuses_a_set(tmp_path: Path) -> None:
    prompts = "kind: prompts\nprompts: [{prompt: a}]\n"
    (tmp_path / "prompt_sets").mkdir()
    (tmp_path / "prompt_sets" / "some.yaml").write_text(prompts)
    steering = "method: steering\nprompt_set: some\nrecipe: set\nsettings: {features: [1]}\n"
    cards = registry(tmp_path, {"set": SET}, one=steering, block=steering.replace("recipe: set", "recipe: set.1"))
    assert list(cards.errors) == ["experiments/one.yaml"]
    assert (
        "steering reads one dictionary, and set asks for 3: name one of set.1, set.2"
        in cards.errors["experiments/one.yaml"]
    )
    with pytest.raises(InvalidCard, match="steering reads one dictionary"):
        cards.experiment("m/one", lambda source, revision: "r")
    assert cards.experiment("m/block", lambda source, revision: "r").recipes == (cards.recipes["set.1"],)
    assert (cards.card_of("set.2"), cards.card_of("alone")) == ("set", "alone")


def test_a_set_that_names_a_block_as_another_card_is_refused(tmp_path: Path) -> None:
    cards = registry(tmp_path, {"set": SET, "set.2": "site: embed\nsae: {n_features: 64, k: 4}\n"})
    assert "its block is called set.2, as another card is" in cards.errors["recipes/set.yaml"]
    assert cards.sae_ids() == ["m/set.2"]


def test_an_imported_set_names_the_folder_of_each_block(tmp_path: Path) -> None:
    cards = registry(tmp_path, {"set": 'site: resid_post.*\nlayers: [7, 0]\nsae: {import: "saes/layer_{layer}/16k"}\n'})
    assert [cards.recipes[name].sae.imported for name in cards.sets["set"]] == ["saes/layer_0/16k", "saes/layer_7/16k"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SET.replace("layers: 1-3\n", ""), r"site=mlp_in.\* was given, wanted layers beside it, such as 0-4"),
        (SET.replace("mlp_out.*", "mlp_out.3"), r"sae.output_site=mlp_out.3 was given, wanted mlp_out.\*"),
        (SET.replace("mlp_in.*", "mlp_in.3"), r"site=mlp_in.3 was given, wanted mlp_in.\*"),
        (SET.replace("mlp_in.*", "embed.*"), r"r.yaml, line 1: site = 'embed.\*'"),
        (SET.replace("1-3", "3-1"), r"r.yaml, line 2: layers.*wanted a range of blocks such as 0-4"),
        (SET.replace("1-3", "[2, 2]"), r"r.yaml, line 2: layers.*wanted 1 to 256, each once"),
        (SET.replace("1-3", "[-1]"), r"r.yaml, line 2: layers.0 = -1: wanted a whole number from 0"),
        (CLT.replace(", output_site: mlp_out.*", ""), "a cross_layer_transcoder reads and writes several blocks"),
        (CLT.replace("k: 4", "k: 4, skip_connection: true"), "a cross_layer_transcoder has no linear path"),
        (SET.replace("k: 4", "k: 4, activation: jumprelu"), "activation is for cross_layer_transcoder, not for topk"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidCard, match=message):
        read_card(RecipeCard, "r.yaml", text)
