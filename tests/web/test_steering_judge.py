"""A judge of steered texts who rates nearly all alike is named as such, with what it gives plain and steered texts."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from experiment_rows import plain_row
from starlette.testclient import TestClient
from synthetic_store import SyntheticStore

from sql.publish import publish
from sql.warehouse import connect
from web.app import app

KEYS = {"model_id": "demo", "experiment_id": "asked"}
RATINGS = {
    "concept": [("plain", 2)] * 4 + [("feature", 2)] * 15 + [("feature", 0)],
    "instruction": [("plain", 2), ("feature", 0), ("prompting", 1)] * 5,
    "fluency": [("plain", None), ("feature", None)],
}
"""By aspect, a condition and what the judge gave its text."""


def rating(aspect: str, condition: str, given: int | None, prompt: int) -> dict[str, Any]:
    status = "ok" if given is not None else "parse_error"
    told = {"aspect": aspect, "condition": condition, "rating": given, "status": status, "prompt_id": prompt}
    row = plain_row("steering_rating", llm="<b>judge", feature_id=3, strength=1.0, n_requests=1, **told)
    return {name: value for name, value in row.items() if name not in KEYS}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("judged")
    store = SyntheticStore(str(home))
    store.write_model("demo")
    store.write_sae("demo", "mid", labels=False, codes=False)
    store.write_experiment("demo", "asked")
    rows = [
        rating(aspect, condition, given, prompt)
        for aspect, ratings in RATINGS.items()
        for prompt, (condition, given) in enumerate(ratings)
    ]
    store.write("steering_rating", KEYS, rows)
    publish(home / "warehouse.duckdb", store.stored)
    return home / "warehouse.duckdb"


def test_the_view_counts_what_was_given(published: Path):
    with closing(connect(published)) as con:
        found = con.execute(
            "select aspect, n_ratings, n_failed, commonest_rating, commonest_share, plain_mean, prompting_mean, "
            "steered_mean from steering_judge order by aspect"
        ).fetchall()
    assert found == [
        ("concept", 20, 0, 2, pytest.approx(19 / 20), 2, None, pytest.approx(30 / 16)),
        ("fluency", 0, 2, None, None, None, None, None),
        ("instruction", 15, 0, 0, pytest.approx(1 / 3), 2, 1, 0),
    ]


def test_the_page_names_the_aspect_that_is_rated_alike_and_no_other(published: Path):
    page = TestClient(app(published)).get("/experiments/demo/asked").text
    assert page.count("hardly tells these texts apart") == 1
    assert "&lt;b&gt;judge rates concept 2 of 2 in " in page
    assert "of its 20 ratings" in page
