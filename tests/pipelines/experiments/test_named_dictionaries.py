"""Numbers of features on an experiment's card are of one dictionary: of another the experiment is refused."""

import hashlib
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from experiment_house import write_card
from text_set_house import dictionary_in_place, text_set_house, two_labels

from models.bounds import FeatureNumber
from models.dictionaries.saelens_format import WEIGHTS
from models.experiments.prompt import Prompt
from models.experiments.settings_base import method_names, settings_of
from pipelines.experiments.by_hand import HandQuestion
from pipelines.experiments.experiment_question import ExperimentQuestion
from pipelines.registry.cards import InvalidCard
from pipelines.registry.experiment_cards import experiment_cards
from pipelines.store.store import Store
from pipelines.store.tagged_features import tagged_features
from storage.manifest import Manifest, ManifestFile

NOW = hashlib.sha256(b"weights").hexdigest()[:12]
BEFORE = "0123456789ab"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A house whose dictionary `m/mid` has weights with the hash `NOW`."""
    dictionary_in_place(monkeypatch)
    store = text_set_house(tmp_path, "optimised_input", two_labels())
    folder = store.layout.sae_at("m", "mid")
    place = Path(folder.path)
    place.mkdir(parents=True)
    (place / WEIGHTS).write_bytes(b"weights")
    Manifest({"made": "here"}, (ManifestFile.of(place / WEIGHTS, WEIGHTS, 64),)).write(folder)
    return store


def write_question(root: Path, **dictionaries: str) -> None:
    card = {"method": "optimised_input", "prompt_set": "labelled", "recipe": "mid", "settings": {"features": [3]}}
    named = {f"m/{recipe}": digits for recipe, digits in dictionaries.items()}
    write_card(root, "experiments/asked", card | ({"dictionaries": named} if named else {}))


def test_an_experiment_about_features_of_another_dictionary_is_refused_before_the_model_is_read(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_question(tmp_path, mid=BEFORE)
    asked = store.experiment("m/asked")
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.experiments.experiment_input.load_host", lambda registration: pytest.fail("loaded"))
        with pytest.raises(ValueError, match=f"{BEFORE} of m/mid, and there is {NOW}"):
            ExperimentQuestion.of(store, asked)
    write_question(tmp_path, mid=NOW[:8])
    assert ExperimentQuestion.of(store, store.experiment("m/asked")).given.settings.features == (3,)
    write_question(tmp_path)
    assert ExperimentQuestion.of(store, store.experiment("m/asked")).items


def test_a_card_of_several_models_is_held_to_the_dictionary_of_the_one_that_is_asked(store: Store, tmp_path: Path):
    card = {"method": "optimised_input", "prompt_set": "labelled", "recipe": "mid", "settings": {"features": [3]}}
    write_card(tmp_path, "experiments/asked", card | {"dictionaries": {"m/mid": NOW, "other/mid": BEFORE}})
    assert ExperimentQuestion.of(store, store.experiment("m/asked")).items


@pytest.mark.parametrize("named", [{"m/late": NOW}, {"mid": NOW}, {"m/mid": "xyz"}])
def test_a_dictionary_that_the_card_does_not_ask_is_refused(named: dict[str, str]):
    values = {"method": "steering", "prompt_set": "some", "recipe": "mid", "dictionaries": named}
    with pytest.raises((InvalidCard, ValueError), match="dictionaries"):
        experiment_cards()["steering"].model_validate(values)


@pytest.mark.parametrize(("settings", "named"), [({"features": [3]}, {"m/mid": NOW}), ({}, None)])
def test_the_cards_of_a_question_name_the_dictionary_of_its_features(
    store: Store, settings: dict[str, Any], named: dict[str, str] | None
):
    prompts = (Prompt(0, prompt="return width"),)
    cards = HandQuestion("optimised_input", "m", prompts, recipes=("mid",), settings=settings).cards(store)
    assert yaml.safe_load(cards.split("optimised-input.yaml\n")[1]).get("dictionaries") == named


def test_a_tag_of_another_dictionary_is_not_watched(store: Store, tmp_path: Path):
    (tmp_path / "registry" / "lists").mkdir()
    entries = [
        {"feature": "m/mid/3", "tag": "scam", "dictionary": NOW},
        {"feature": "m/mid/5", "tag": "scam", "dictionary": BEFORE},
    ]
    write_card(tmp_path, "lists/signs", {"title": "Signs", "features": entries})
    card = {"method": "feature_monitor", "prompt_set": "labelled", "recipe": "mid", "settings": {"other_model": "m"}}
    write_card(tmp_path, "experiments/asked", card)
    assert tagged_features(store, store.experiment("m/asked")) == {3: "scam"}


def numbers_features(annotation: Any) -> bool:
    return annotation == FeatureNumber or any(map(numbers_features, get_args(annotation)))


def test_every_method_says_which_of_its_settings_name_features():
    for method in method_names():
        settings = settings_of(method)
        fields = {name for name, field in settings.model_fields.items() if numbers_features(field.rebuild_annotation())}
        named = set(settings.feature_settings)
        assert named <= settings.model_fields.keys(), method
        assert fields <= named, f"{method}: {fields - named} name features by number: say so in `feature_settings`"
