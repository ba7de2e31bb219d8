"""README and docs tell the truth: cards are those that the code reads, queries run, quoted errors are in the code."""

import re
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
import yaml
from pydantic import BaseModel

from models.experiments.settings_base import method_names, settings_of
from pipelines.launchers.machine_card import MachineCard, machine_kinds
from pipelines.registry.card_documentation import documentation
from pipelines.registry.card_fields import card_keys
from pipelines.registry.cards import ModelCard, RecipeCard, VisionModelCard, read_card
from pipelines.registry.experiment_cards import ExperimentCore, PromptSetCard
from pipelines.registry.feature_lists import FeatureListCard
from pipelines.registry.text_set_cards import TextSetCard
from sql.views import define_views
from sql.warehouse import define

ROOT = Path(__file__).resolve().parents[2]
SHELL_QUERY = r'make sql Q="([^"]*)"'
PAGES = ("README.md", "docs/getting-started.md", "docs/first-real-model.md", "docs/cards.md", "docs/troubleshooting.md")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def fenced(name: str, language: str) -> list[str]:
    """The code blocks of a page, without the indentation of a list item."""
    blocks = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text_of(name), re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks]


REFERENCE = fenced("docs/card-reference.md", "yaml")
QUERIES = [(page, query) for page in PAGES for query in [*fenced(page, "sql"), *re.findall(SHELL_QUERY, text_of(page))]]
REQUIRED = [
    (ModelCard, {"source": "models/demo", "corpus": {"source": "stdlib"}}),
    (VisionModelCard, {"source": "vit", "images": {"source": "pictures"}}),
    (RecipeCard, {"site": "resid_post.@0.5", "sae": {"expansion": 16}}),
    (PromptSetCard, {"prompts": [{"prompt": "a"}]}),
    (TextSetCard, {"texts": [{"text": "a", "label": "b"}]}),
    (ExperimentCore, {"method": "logit_lens", "prompt_set": "capitals"}),
    (FeatureListCard, {"title": "Imports", "features": [{"feature": "m/r/7"}]}),
]


def keys(value: dict, prefix: str = "") -> set[str]:
    return {
        inner
        for key, below in value.items()
        for inner in (keys(below, f"{prefix}{key}.") if below and isinstance(below, dict) else {f"{prefix}{key}"})
    }


@pytest.mark.parametrize(("text", "kind", "required"), [(t, *r) for t, r in zip(REFERENCE, REQUIRED, strict=False)])
def test_the_reference_shows_every_field_of_a_card_with_its_default(text: str, kind: type[BaseModel], required: dict):
    shown = yaml.safe_load(text)
    assert keys(shown) == set(card_keys(kind))
    for key, value in required.items():
        shown[key] = (shown[key] | value) if isinstance(value, dict) else value
    assert kind.model_validate(shown) == kind.model_validate(required)


def test_the_reference_shows_every_setting_of_every_method_with_its_default():
    shown = {card["method"]: card for card in map(yaml.safe_load, REFERENCE[len(REQUIRED) :]) if "method" in card}
    assert tuple(sorted(shown)) == method_names()
    for name, card in shown.items():
        assert settings_of(name).model_validate(card["settings"]) == settings_of(name)()


def test_the_reference_shows_every_launcher_with_its_defaults_and_the_page_of_machines_has_cards_of_them():
    shown = {card["launcher"]: card for card in map(yaml.safe_load, REFERENCE) if "launcher" in card}
    assert shown.keys() == machine_kinds().keys()
    for name, card in shown.items():
        required = {"image": "house:1"} if name == "k8s" else {}
        assert card.keys() == machine_kinds()[name].model_fields.keys()
        assert machine_kinds()[name].model_validate(card | required) == machine_kinds()[name].model_validate(required)
    cluster, pods = (read_card(MachineCard, "hpc.yaml", text) for text in fenced("docs/many-machines.md", "yaml"))
    assert (cluster.launcher, cluster.world, pods.launcher, pods.world) == ("slurm", 8, "k8s", 4)


def test_the_reference_is_written_from_the_cards():
    written = "python -m pipelines.registry.card_documentation > docs/card-reference.md"
    assert text_of("docs/card-reference.md") == documentation(), f"run: {written}"


def test_the_cards_of_the_page_of_cards_are_cards():
    model, recipe, blocks, features = fenced("docs/cards.md", "yaml")
    assert len(read_card(FeatureListCard, "cards.md", features).features) == 2
    assert read_card(ModelCard, "cards.md", model).recipes == "all"
    assert read_card(RecipeCard, "cards.md", recipe).sae.k == 32
    assert read_card(RecipeCard, "cards.md", blocks).layers == (0, 1, 2, 3, 4)


def test_the_cards_of_the_first_own_model_are_cards():
    model, recipe = fenced("docs/getting-started.md", "yaml")
    assert read_card(ModelCard, "getting-started.md", model).recipes == ["first-sae"]
    assert read_card(RecipeCard, "getting-started.md", recipe).sae.k == 20


def test_every_query_of_a_page_runs_on_an_empty_warehouse():
    assert len(QUERIES) > 8
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        for page, query in QUERIES:
            for statement in filter(str.strip, query.split(";")):
                assert con.execute(statement).fetchall() == [], (page, statement)


def test_keys_that_a_document_names_are_keys_of_cards():
    known = {key for kind, _ in REQUIRED for key in card_keys(kind)}
    sections = {key.split(".")[0] for key in known if "." in key}
    pages = [*PAGES, "docs/glossary.md", "docs/labels.md", "docs/commands.md", "docs/queries.md", "CONTRIBUTING.md"]
    named = {
        (page, key)
        for page in pages
        for key in re.findall(r"`([a-z_]+\.[a-z_]+)(?::[^`]*)?`", text_of(page))
        if key.split(".")[0] in sections
    }
    assert len(named) > 3
    assert not {(page, key) for page, key in named if key not in known}, "card-reference prints the keys there are"


def test_every_error_in_troubleshooting_is_one_that_the_code_says():
    packages = ("assets", "models", "pipelines", "plotting", "sql", "storage", "web")
    sources = [path.read_text("utf-8") for name in packages for path in (ROOT / name).rglob("*.py")]
    code = re.sub(r'"\s*\n\s*f?"', "", "\n".join([*sources, text_of("Makefile")]))
    quoted = re.findall(r"^\| `([^`]* [^`]*)` \|", text_of("docs/troubleshooting.md"), re.MULTILINE)
    parts = [part.strip(" :") for message in quoted for part in message.split("…")]
    missing = [part for part in parts if len(part) > 5 and part not in code]
    assert len(quoted) > 15
    assert not missing, f"{missing}: quote the message as the code says it, with … for names and numbers"
