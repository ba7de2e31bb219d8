"""Every field of every card has bounds: hostile values are refused by key, value and range, whatever the field."""

from typing import Annotated, Any, Optional

import pytest
from pydantic import create_model

from models.bounds import Bounds
from models.config_base import Settings
from models.dictionaries.config import SAESettings
from pipelines.registry.card_fields import card_keys
from pipelines.registry.cards import InvalidCard, ModelCard, RecipeCard, read_card

BASE = {
    ModelCard: {"source": "models/demo", "corpus.source": "stdlib"},
    RecipeCard: {"site": "embed", "sae.expansion": "4", "sae.k": "2"},
}
REFUSED = [
    ".inf",
    "-.inf",
    ".nan",
    "1" + "0" * 400,
    "1e400",
    "1" + "0" * 22,
    "-1e22",
    "'" + "x" * 5_000 + "'",
]
TRUE_OR_FALSE = {"prepend_bos", "sae.skip_connection", "statistics.keep_feature_activations"}
FIELDS = [(kind, key) for kind in BASE for key in card_keys(kind)]


def card_text(kind: type, key: str, value: str) -> str:
    """The smallest card, with one field of a value as it is written."""
    sections: dict[str, list[str]] = {}
    for name, written in (BASE[kind] | {key: value}).items():
        section, _, last = name.rpartition(".")
        sections.setdefault(section, []).append(f"{last}: {written}")
    top = sections.pop("", [])
    return "\n".join(top + [f"{section}: {{{', '.join(pairs)}}}" for section, pairs in sections.items()])


def value_at(card: object, key: str) -> object:
    for part in key.split("."):
        card = getattr(card, "imported" if part == "import" else part)
    return card


@pytest.mark.parametrize(("kind", "key"), FIELDS, ids=[f"{kind.__name__}.{key}" for kind, key in FIELDS])
def test_hostile_values_are_refused_by_every_field(kind: type, key: str):
    for value in REFUSED:
        with pytest.raises(InvalidCard) as refused:
            read_card(kind, "c.yaml", card_text(kind, key, value))
        assert f": {key} = " in str(refused.value), value
        assert len(str(refused.value)) < 1_000
    for value in ("true", "false"):
        if key not in TRUE_OR_FALSE:
            with pytest.raises(InvalidCard, match=f": {key} = {value.capitalize()}: "):
                read_card(kind, "c.yaml", card_text(kind, key, value))


@pytest.mark.parametrize(("kind", "key"), FIELDS, ids=[f"{kind.__name__}.{key}" for kind, key in FIELDS])
def test_minutes_and_seconds_are_a_text_or_refused(kind: type, key: str):
    """YAML 1.1 reads 1:30 as 90 and 0o17, 0x1F, 0b11 as 15, 31 and 3."""
    for value in ("1:30", "0x1F", "0b11", "2024-01-31"):
        try:
            card = read_card(kind, "c.yaml", card_text(kind, key, value))
        except InvalidCard:
            continue
        assert value_at(card, key) == value


@pytest.mark.parametrize(
    ("kind", "key", "value", "said"),
    [
        (RecipeCard, "sae.n_features", "1" + "0" * 22, "= 10{22}: wanted a whole number from 1 to 134,217,728"),
        (ModelCard, "corpus.tokens", "1" + "0" * 400, "0000...0000.*: wanted a whole number from 1 to 10,000,"),
        (ModelCard, "corpus.tokens", "1" + "0" * 5_000, "0000...0000.*: wanted a whole number from 1 to 10,000,"),
        (RecipeCard, "statistics.window_tokens", "1" + "0" * 15, "= 10+: wanted a whole number from 1 to 65,536"),
        (RecipeCard, "training.learning_rate", ".inf", "= inf: .*'auto'; or wanted a number from 1e-09 to 1"),
        (RecipeCard, "explanations.budget_usd", ".inf", "= inf: wanted a number from 0 to 1,000,000"),
        (ModelCard, "corpus.tokens", "true", "= True: wanted a whole number from 1"),
        (ModelCard, "corpus.tokens", "1:30", "= '1:30': wanted a whole number from 1"),
        (ModelCard, "corpus.tokens", "1.5", "= 1.5: wanted a whole number from 1"),
        (ModelCard, "corpus.tokens", "0", "= 0: wanted a whole number from 1"),
        (RecipeCard, "explanations.features", "[1, true]", ".1 = True: wanted a whole number from 0"),
        (ModelCard, "revision", "0123456", "= 123456: .*: put it in quotes"),
    ],
)  # fmt: skip
def test_the_sentence_names_key_value_and_range(kind: type, key: str, value: str, said: str):
    with pytest.raises(InvalidCard, match=rf"^c.yaml, line \d: {key}.*{said}") as refused:
        read_card(kind, "c.yaml", card_text(kind, key, value))
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("value", "meant"), [("1_000", 1000), ("1e6", 10**6), ("+5", 5), ("0100", 100), ("2.5e3", 2500), ("7.0", 7)]
)
def test_decimal_numbers_are_read_as_they_are_written(value: str, meant: int):
    tokens = read_card(ModelCard, "c.yaml", card_text(ModelCard, "corpus.tokens", value)).corpus.tokens
    assert (tokens, type(tokens)) == (meant, int)


@pytest.mark.parametrize("kind", [int, float, int | None, tuple[int, ...], Annotated[float, "a remark"] | str])
def test_a_setting_without_bounds_cannot_be_written(kind: Any):
    with pytest.raises(TypeError, match="size may be any number: say Annotated"):
        create_model("Endless", __base__=Settings, size=(kind, 3))


def test_a_setting_with_bounds_can():
    made = create_model("Ending", __base__=Settings, size=(Optional[Annotated[int, Bounds(1, 3)]], 3))  # noqa: UP045
    assert made.model_validate({"size": 3.0}).model_dump() == {"size": 3}


def test_a_dictionary_of_a_wide_site_is_refused_too():
    with pytest.raises(ValueError, match="expansion=65536 over a site of width 4,096 is 268,435,456 features, wanted"):
        SAESettings(expansion=65_536).width(4_096)


def test_equal_bounds_are_told_alike_however_they_are_written():
    """`typing` keeps the first of two equal annotations: what is printed must not hang on what was imported before."""
    assert str(Bounds(1, 1000)) == str(Bounds(1.0, 1e3)) == "from 1 to 1,000"
    assert str(Bounds(1e-6, 0.5)) == "from 1e-06 to 0.5"
