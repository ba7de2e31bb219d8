"""Sampled features whose firings and ratings are drawn by chance: every number on their pages is SQL's."""

import random
from contextlib import closing
from types import SimpleNamespace

import pytest
import synthetic_store
from patched_synthetic_store import patch_synthetic_store
from starlette.testclient import TestClient
from synthetic_codes import LENGTH, N_CONTEXTS
from synthetic_store import SyntheticStore

from sql.publish import publish
from sql.warehouse import connect
from web.app import app

N = 130


def drawn(seed: int) -> list[dict]:
    """Each feature fires on a share of the tokens that differs from feature to feature; every tenth is dead."""
    chance = random.Random(seed)
    return [
        {"context_id": c, "position": p, "feature_id": f, "activation": chance.randrange(1, 64) / 16}
        for c in range(N_CONTEXTS)
        for p in range(LENGTH)
        for f in range(N)
        if f % 10 != 9 and chance.random() < (f % 13 + 1) / 60
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder, chance, rated = tmp_path_factory.mktemp("many"), random.Random(7), synthetic_store._ratings
    with pytest.MonkeyPatch.context() as patch:
        patch_synthetic_store(patch, N_FEATURES=N, DEAD=N - 1, plant=drawn)
        patch.setattr(
            synthetic_store,
            "_ratings",
            lambda *given: [row | {"rating": row["rating"] and chance.randrange(4)} for row in rated(*given)],
        )
        store = SyntheticStore(str(folder))
        store.write_model("demo")
        store.write_sae("demo", "mid")
        publish(folder / "warehouse.duckdb", store.stored)
    return folder


@pytest.fixture(scope="module")
def many(home):
    with closing(connect(home / "warehouse.duckdb")) as con:

        def rows(query: str, feature: int) -> list[SimpleNamespace]:
            answer = con.execute(query, {"f": feature})
            names = [column[0] for column in answer.description]
            return [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in answer.fetchall()]

        yield TestClient(app(home / "warehouse.duckdb")), rows


def said(*values) -> list[str]:
    return [repr(value) for value in values if value is not None]


def numbers(rows, *names: str) -> list[str]:
    return said(*(getattr(row, name) for row in rows for name in names))


@pytest.mark.parametrize("n", [25, pytest.param(100, marks=pytest.mark.slow)])
def test_every_number_of_a_sampled_feature_is_the_answer_of_sql(many, read, subtests, n: int):
    sampled = random.Random(0).sample(range(N), n)
    assert len({feature % 13 for feature in sampled if feature % 10 != 9}) > 10, "of many densities"
    assert [feature for feature in sampled if feature % 10 == 9], "and some dead"
    for feature in sampled:
        with subtests.test(feature=feature):
            assert_page_is_sql(many, read, feature)


def _scores_of(card):
    """Of each scorer its headline, detection's interval, and the score weighted by firings."""
    weighted = card.density_weighted_scores or {}
    for name, score in (card.headline_scores or {}).items():
        yield score
        if name == "detection":
            yield from (card.detection_ci_low, card.detection_ci_high)
        yield weighted.get(name)


def assert_page_is_sql(many, read, feature):
    client, ask = many
    page = read(client.get(f"/sae/demo/mid/{feature}").text)
    [card] = ask("from feature_card where feature_id = $f", feature)
    assert page.section("overview").values == said(
        *([card.n_tokens] if card.is_dead else []),
        *([card.n_firings] if 0 < card.n_firings < 30 else []),
        *(card.specificity_mean, card.control_rating),
        *_scores_of(card),
        *(card.density, card.n_firings, card.n_tokens, card.max_activation),
        *([card.n_labels_tested] if (card.n_labels_tested or 0) > 1 else []),
        *(card.mean_activation, card.std_activation, card.specificity_density_weighted, card.fraction_rated_3),
        *(card.decoder_norm, card.encoder_decoder_cosine),
    )

    order = "order by l.explanation_id = $best desc, l.explainer, l.prompt, l.explanation_id"
    best = card.explanation_id
    labels = ask(f"from explanation as l where feature_id = $f {order.replace('$best', repr(best or ''))}", feature)
    wanted = []
    for label in labels:
        wanted += numbers([label], "n_examples", "input_tokens", "output_tokens", "cost_usd")
        scores = f"from explanation_score where $f >= 0 and explanation_id = '{label.explanation_id}' order by all"
        wanted += numbers(ask(scores, feature), "value", "ci_low", "ci_high", "n_trials", "n_failed")
    assert page.section("labels").values == wanted

    wanted = []
    measured = ask(f"from feature_label as l where feature_id = $f {order.replace('$best', repr(best or ''))}", feature)
    for label in (row for row in measured if (row.n_ratings or 0) + (row.n_failed or 0)):
        wanted += numbers(
            [label],
            "specificity_mean",
            "specificity_density_weighted",
            "fraction_rated_3",
            "control_rating",
            "n_ratings",
            "n_failed",
        )
        strip = ask(
            f"from feature_specificity_by_interval where feature_id = $f and explanation_id = '{label.explanation_id}' "
            "order by interval_index nulls first",
            feature,
        )
        for name in ("mean_rating", "fraction_rated_3"):
            wanted += numbers(strip, name)
        wanted += numbers(strip, "n_0", "n_1", "n_2", "n_3")
        wanted += numbers(strip, "n") + numbers(strip, "n_failed")
    assert page.section("specificity").values == wanted

    plots = [plot for section in page.all("section", id="activation_histogram") for plot in section.all("svg")]
    bars = [bar.one("title").text for plot in plots[:1] for bar in plot.all("rect")]
    histogram = ask("from activation_histogram where feature_id = $f and upper > 0 order by bin", feature)
    assert bars == [f"{row.lower:.4g} to {row.upper:.4g}: {row.n:,}" for row in histogram]

    assert page.section("logits").values == said(card.logit_skew, card.logit_kurtosis) + numbers(
        ask("from logit_effect where feature_id = $f order by direction desc, rank", feature), "logit_weight"
    )
    assert page.section("similar_features").values == numbers(
        ask("from neighbor where feature_id = $f order by kind desc, rank", feature), "value"
    )
    assert page.section("matches").values == numbers(
        ask("from feature_match where feature_id = $f order by cosine desc", feature), "cosine", "n_split_features"
    )

    examples = ask(
        """
        with folded as (
            select *, count(*) over same as n_same
            from example where feature_id = $f
            window same as (partition by kind, interval_index, tokens, peak)
            qualify row_number() over (partition by kind, interval_index, tokens, peak order by rank) = 1
        )
        from folded
        order by array_position(['top', 'interval', 'control'], kind), interval_index desc, rank
        """,
        feature,
    )
    shown = page.all("section", id="examples")
    places = [place for section in shown for place in section.all("p", **{"class": "place"})]
    assert [value for section in shown for value in section.values] == numbers(examples, "activation")
    for place, row in zip(places, examples, strict=True):
        assert f"{row.document_id} · context {row.context_id}, position {row.position}" in place.text
        assert (f"{row.n_same} alike" in place.text) == (row.n_same > 1)
    rated = ask(f"from specificity where feature_id = $f and explanation_id = {best!r}" if best else
                "from specificity where feature_id = $f and false", feature)  # fmt: skip
    ratings = {row.example_id: row.rating for row in rated}
    for place, row in zip(places, examples, strict=True):
        rating = ratings.get(row.example_id)
        assert (f"rated {rating}" in place.text) == (rating is not None)

    titles = [head.text for section in shown for head in section.all("h3") if head.text.startswith("Interval")]
    fired = ask("from feature_activation where feature_id = $f", feature)
    for title in titles:
        interval, rest = title.removeprefix("Interval ").split(": ")
        at, strongest = int(interval), card.max_activation
        inside = sum(at * strongest / 2 < row.activation <= (at + 1) * strongest / 2 for row in fired)
        assert rest == (
            f"{at * strongest / 2:.4g} to {(at + 1) * strongest / 2:.4g}, "
            f"contains {100 * inside / len(fired):.3g} % of its firings"
        )
