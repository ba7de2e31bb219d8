"""README's cards are the cards that the code reads, and its queries run."""

import re
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
import yaml
from pydantic import BaseModel

from pipelines.registry.card_reference import card_fields
from pipelines.registry.cards import ModelCard, RecipeCard, read_card
from sql.views import define_views
from sql.warehouse import define

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
CARDS = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
QUERIES = re.findall(r"```sql\n(.*?)```", README, re.DOTALL)

REQUIRED = [
    (ModelCard, {"source": "models/demo", "corpus": {"source": "stdlib"}}),
    (RecipeCard, {"site": "resid_post.@0.5", "sae": {"expansion": 16}}),
]


def keys(value: dict, prefix: str = "") -> set[str]:
    return {
        inner
        for key, below in value.items()
        for inner in (keys(below, f"{prefix}{key}.") if isinstance(below, dict) else {f"{prefix}{key}"})
    }


@pytest.mark.parametrize(("text", "kind", "required"), [(t, *r) for t, r in zip(CARDS, REQUIRED, strict=True)])
def test_a_card_in_the_readme_shows_every_field_with_its_default(text: str, kind: type[BaseModel], required: dict):
    assert read_card(kind, "README.md", text) == kind.model_validate(required)
    instead = {"sae.n_features", "sae.expansion"}
    assert keys(yaml.safe_load(text)) | instead == {key for key, *_ in card_fields(kind)} | instead


def test_every_query_in_the_readme_runs_on_an_empty_warehouse():
    assert len(QUERIES) == 3
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        for query in QUERIES:
            assert con.execute(query).fetchall() == [], query
