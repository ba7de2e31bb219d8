"""A section of the recipe card is found by its file: its keys are read and checked as the core's are."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import models
from pipelines.registry.cards import InvalidCard, RecipeCard, RecipeCore, read_card
from pipelines.registry.method_sections import method_sections, with_method_sections

SECTION = '''"""Settings that a test made up."""

from typing import Annotated

from models.bounds import Bounds
from models.config_base import MethodSettings


class MadeUpSettings(MethodSettings):
    """What a test made up."""

    section = "made_up"

    n_directions: Annotated[int, Bounds(1, 9)] = 3
'''
RECIPE = "site: resid_post.@0.5\nsae: {architecture: topk, expansion: 16, k: 32}\n"


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A second folder of `models`, in which files are found as in the first."""
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    method_sections.cache_clear()
    yield tmp_path
    method_sections.cache_clear()


def test_a_section_is_read_and_refused_as_the_core_is(room: Path):
    (room / "first_config.py").write_text(SECTION)
    card = with_method_sections("RecipeCard", RecipeCore)
    kind = method_sections()["made_up"]
    given = read_card(card, "r.yaml", RECIPE + "made_up: {n_directions: 7}\n")
    assert isinstance(given, RecipeCore)
    assert given.section(kind).model_dump() == {"n_directions": 7}
    silent = read_card(card, "r.yaml", RECIPE)
    assert isinstance(silent, RecipeCore)
    assert silent.section(kind).model_dump() == {"n_directions": 3}
    for text, message in (
        ("made_up: {n_direction: 7}\n", r"line 3: made_up.n_direction = 7: unknown key; .*the nearest is n_directions"),
        ("made_up:\n  n_directions: 0\n", r"line 4: made_up.n_directions = 0: wanted a whole number from 1 to 9"),
        (
            "made: {n_directions: 7}\n",
            r"line 3: made: unknown key; .*quality_bounds, .*made_up: the nearest is made_up",
        ),
    ):
        with pytest.raises(InvalidCard, match=message):
            read_card(card, "r.yaml", RECIPE + text)
    with pytest.raises(InvalidCard, match="unknown key"):
        read_card(RecipeCard, "r.yaml", RECIPE + "made_up: {n_directions: 7}\n")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"second": SECTION, "third": SECTION}, "models.third_config brings a second section 'made_up'"),
        ({"fourth": SECTION.replace(" = 3", "")}, "models.fourth_config: n_directions has no default"),
        ({"fifth": SECTION.replace("made_up", "training")}, "bring sections training, which every card has"),
    ],
)
def test_a_section_that_cannot_stand_in_a_card_is_refused(room: Path, files: dict[str, str], message: str):
    for name, text in files.items():
        (room / f"{name}_config.py").write_text(text)
    with pytest.raises(TypeError, match=message):
        with_method_sections("RecipeCard", RecipeCore)
