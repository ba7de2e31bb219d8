"""Every number on a page is what SQL says, and every page leads on."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient
from synthetic_store import SyntheticStore, sae_row

from sql.publish import publish
from web import feature_table, routes
from web.app import app
from web.query_files import queries

FEATURES = [(recipe, feature) for recipe in ("mid", "late") for feature in range(12)]


def said(*values) -> list[str]:
    """Numbers as a page keeps them whole; one that is not known is not there."""
    return [repr(value) for value in values if value is not None]


def test_home_begins_with_features_whose_labels_hold(visit, ask):
    """The lower end of the interval decides, each first word of a label once; the page without labels has none."""
    section = visit("/").section("features_to_begin_with")
    links = [link.attributes["href"] for link in section.all("a")]
    rows = ask(
        "from feature_card where detection_ci_low is not null order by detection_ci_low desc, recipe_id, feature_id"
    )
    wanted, words = [], set()
    for row in rows:
        if (word := row.label.split(" ")[0].lower()) not in words:
            words.add(word)
            wanted.append(f"/sae/demo/{row.recipe_id}/{row.feature_id}")
    assert links == wanted[:12]
    assert links


def test_home_shows_what_sae_summary_says(visit, ask):
    rows = visit("/").section("dictionaries").rows
    wanted = ask("from sae_summary order by model_id, site, l0, recipe_id")
    assert [row[0].text for row in rows] == [row.sae_id for row in wanted] == ["demo/late", "demo/mid"]
    for row, one in zip(rows, wanted, strict=True):
        shown = [value for cell in row for value in cell.values]
        assert shown == said(
            one.n_features, one.l0, one.fvu, one.ce_recovered, one.dead_fraction, one.n_labelled,
            one.specificity_above_controls,
            one.cost_usd,
        )  # fmt: skip


def test_home_plots_every_measured_dictionary_and_links_it(visit, ask):
    links = visit("/").section("pareto").all("a")
    wanted = ask("select * from sae_pareto order by l0, recipe_id")
    assert sorted(link.attributes["href"] for link in links) == sorted(f"/sae/{row.sae_id}" for row in wanted)
    assert all("L0 4, FVU 0.1" in link.attributes["aria-label"] for link in links)


def test_each_site_has_a_plot_of_its_own(tmp_path, read):
    """Numbers of different sites cannot be compared; a transcoder has two, one that it reads and one that it writes.
    One dictionary alone is compared with none."""
    store = SyntheticStore(str(tmp_path))
    store.write_model("demo")
    crossing = {"site": "mlp_in.3", "output_site": "mlp_out.3"}
    sites = {"mid": {}, "other": {}, "late": crossing, "later": crossing, "alone": {"site": "mlp_in.3"}}
    for recipe_id, site in sites.items():
        store.write_sae("demo", recipe_id, labels=False, codes=False)
        store.write("sae", {"model_id": "demo", "recipe_id": recipe_id}, [sae_row() | site])
    publish(tmp_path / "warehouse.duckdb", store.stored)
    section = read(TestClient(app(tmp_path / "warehouse.duckdb")).get("/").text).section("pareto")
    plots = {
        one.one("h3").text: [link.attributes["href"] for link in one.all("a")]
        for one in section.one("div", **{"class": "grid"}).inside
        if not isinstance(one, str)
    }
    assert plots == {
        "demo, mlp_in.3 to mlp_out.3": ["/sae/demo/late", "/sae/demo/later"],
        "demo, resid_post.2": ["/sae/demo/mid", "/sae/demo/other"],
    }


def test_density_histograms_hold_every_feature(visit, ask):
    plots = visit("/").section("densities").all("svg")
    assert len(plots) == 2
    for plot, recipe in zip(plots, ("late", "mid"), strict=True):
        bars = [int(bar.one("title").text.rsplit(": ", 1)[1]) for bar in plot.all("rect")]
        wanted = ask("from density_histogram where recipe_id = $r and lower is not null order by lower", {"r": recipe})
        assert bars == [row.n for row in wanted]
        assert sum(bars) == 11, "one of the twelve is dead"


def test_a_dictionary_shows_its_row_of_sae_summary(visit, ask):
    facts = visit("/sae/demo/mid").section("summary").facts
    [one] = ask("from sae_summary where recipe_id = 'mid'")
    assert facts["features"] == said(one.n_features)
    assert facts["dead"] == said(one.n_dead, one.dead_fraction)
    assert facts["specificity, 0 to 3"] == said(one.specificity_mean, one.control_rating)
    assert facts["labelled"] == said(one.n_labelled, one.n_failed_labels)
    assert facts["weighted by firings"] == said(one.specificity_density_weighted)
    assert facts["ratings"] == said(one.n_ratings, one.n_failed_ratings)
    tests = ("detection", "fuzzing", "simulation", "embedding", "surprisal", "output")
    assert set(one.headline_scores) == set(tests)
    for test in tests:
        interval = (one.detection_ci_low, one.detection_ci_high) if test == "detection" else ()
        assert facts[f"{test}, mean of labels"] == said(one.headline_scores[test], *interval)
    assert facts["FVU"] == ["0.1"]


def test_a_dictionary_from_another_place_says_so(visit):
    [row] = [div for div in visit("/sae/demo/late").section("summary").all("div") if "another place" in div.text]
    assert row.one("dd").text == "site blocks.9.attn.hook_z (z.9), not resid_post.2"
    assert "another place" not in visit("/sae/demo/mid").section("summary").text


def test_training_curves_go_from_the_first_step_to_the_last(visit):
    plots = visit("/sae/demo/mid").section("training").all("svg")
    assert [plot.attributes["aria-label"].split(": ")[1] for plot in plots] == [
        "from 0.5 to 0.1667",
        "from 1 to 0.3333",
        "from 4 to 4",
        "from 0 to 0",
    ]
    assert all(len(plot.one("polyline").attributes["points"].split()) == 3 for plot in plots)


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("sort", feature_table.SORTS)
def test_the_table_of_features_is_sorted_as_sql_sorts(visit, ask, sort, order):
    section = visit(f"/sae/demo/mid?sort={sort}&order={order}").section("features")
    direction = "desc" if order == "descending" else "asc"
    wanted = ask(f"from feature_card where recipe_id = 'mid' order by {sort} {direction} nulls last, feature_id")
    assert [row[0].text for row in section.rows] == [str(row.feature_id) for row in wanted]
    for row, one in zip(section.rows, wanted, strict=True):
        assert [value for cell in row for value in cell.values] == said(
            one.density, one.max_activation, one.specificity_above_controls, one.detection, one.logit_skew
        )
    [sorted_head] = [head for head in section.all("th") if "aria-sort" in head.attributes]
    assert sorted_head.attributes["aria-sort"] == order


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("label=RETURN", []),  # the one attempt at feature 1 failed
        ("label=tokens+like", [2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("label=function", [0]),
        ("token=return", [1]),
        ("token=%0A", [7]),
        ("liveness=dead", [11]),
        ("liveness=live&token=de", [0, 10]),
        ("label=100%25", []),
        ("label='+or+1=1+--", []),
    ],
)
def test_search_finds_by_label_token_and_life(visit, search, found):
    section = visit(f"/sae/demo/mid?{search}").section("features")
    assert [int(row[0].text) for row in section.rows] == found
    assert section.one("p", role="status").values == [str(len(found))]


def test_pages_of_the_table_follow_each_other_and_hold_each_feature_once(visit, monkeypatch):
    monkeypatch.setattr(feature_table, "PER_PAGE", 5)
    address, seen = "/sae/demo/mid?sort=density&order=descending&page=1", []
    while address:
        section = visit(address).section("features")
        seen.append([int(row[0].text) for row in section.rows])
        onward = section.all("a", rel="next")
        address = f"/sae/demo/mid{onward[0].attributes['href']}" if onward else ""
    assert [len(page) for page in seen] == [5, 5, 2]
    assert sorted(feature for page in seen for feature in page) == list(range(12))


@pytest.mark.parametrize("page", ["0", "-3", "999999999", "99999999999999999999", "x", "٣", "1e3"])
def test_a_page_that_is_not_there_is_the_nearest_that_is(visit, page):
    assert len(visit(f"/sae/demo/mid?page={page}").section("features").rows) == 12


@pytest.mark.parametrize(("recipe", "feature"), FEATURES)
def test_a_feature_page_says_what_sql_says(visit, ask, recipe, feature):
    page, key = visit(f"/sae/demo/{recipe}/{feature}"), {"r": recipe, "f": feature}
    where = "where recipe_id = $r and feature_id = $f"
    [card] = ask(f"from feature_card {where}", key)
    weighted = card.density_weighted_scores or {}
    scores = {name: [score, weighted.get(name)] for name, score in (card.headline_scores or {}).items()}
    assert len(scores) == (0 if card.label is None else 6)
    if scores:
        scores["detection"][1:1] = [card.detection_ci_low, card.detection_ci_high]
    chosen = f"Chosen among {card.n_labels_tested} labels by half of the windows"
    assert (chosen in page.section("overview").text) == ((card.n_labels_tested or 0) > 1)
    facts = {
        "density": said(card.density, card.n_firings, card.n_tokens),
        "strongest activation": said(card.max_activation),
        "mean when firing": said(card.mean_activation, card.std_activation),
        "specificity, 0 to 3": said(card.specificity_mean, card.control_rating),
        "specificity weighted by firings": said(card.specificity_density_weighted),
        "share of 3s": said(card.fraction_rated_3),
        **{name: said(*values) for name, values in scores.items()},
        "decoder norm": said(card.decoder_norm),
        "encoder–decoder cosine": said(card.encoder_decoder_cosine),
    }
    shown = {name: values for name, values in page.section("overview").facts.items() if name != "peaks on"}
    assert shown == {name: values for name, values in facts.items() if values}, "no dashes"
    assert page.one("h1").text == (card.label or ("Dead feature" if card.is_dead else "Feature without a label"))
    assert page.one("p", **{"class": "kicker"}).text == f"Feature {feature} of demo/{recipe}"
    assert bool(page.all("section", id="activation_histogram")) == (not card.is_dead)
    plots = [plot for section in page.all("section", id="activation_histogram") for plot in section.all("svg")]
    bars = [int(bar.one("title").text.rsplit(": ", 1)[1]) for plot in plots[:1] for bar in plot.all("rect")]
    wanted = ask(f"select n from activation_histogram {where} and upper > 0 order by bin", key)
    assert bars == [row.n for row in wanted]
    assert sum(bars) == card.n_firings
    effects = [value for row in page.section("logits").rows for value in row[1].values]
    assert effects == said(
        *(r.logit_weight for r in ask(f"from logit_effect {where} order by direction desc, rank", key))
    )
    neighbors = [value for row in page.section("similar_features").rows for value in row[1].values]
    assert neighbors == said(*(r.value for r in ask(f"from neighbor {where} order by kind desc, rank", key)))
    labels = {(r.recipe_id, r.feature_id): (r.label or "no label").strip() for r in ask("from feature_card")}
    near = [(row[0].one("a").attributes["href"], row[2].text) for row in page.section("similar_features").rows]
    rows = ask(f"from neighbor {where} order by kind desc, rank", key)
    others = [(row.other_recipe_id, row.other_feature_id) for row in rows]
    assert [href for href, _ in near] == [f"/sae/demo/{other[0]}/{other[1]}" for other in others]
    assert all(labels[other] in text for (_, text), other in zip(near, others, strict=True))
    matches = [(row[0].text, row[-1].text.strip()) for row in page.section("matches").rows]
    found = [(r.other_recipe_id, r.other_feature_id) for r in ask(f"from feature_match {where}", key)]
    assert [name for name, _ in matches] == [f"{other[0]}/{other[1]}" for other in found]
    assert all(text.startswith(labels[other]) for (_, text), other in zip(matches, found, strict=True))
    places = [
        place for section in page.all("section", id="examples") for place in section.all("p", **{"class": "place"})
    ]
    examples = [value for place in places for value in place.values]
    kept = ask(f"select distinct on (kind, interval_index, tokens, peak) * from example {where} order by rank", key)
    order = {"top": 0, "interval": 1, "control": 2}
    kept.sort(key=lambda r: (order[r.kind], -(r.interval_index or 0), r.rank))
    assert examples == said(*(row.activation for row in kept))


def test_an_example_is_shaded_by_its_share_of_the_strongest(visit):
    section = visit("/sae/demo/mid/0").section("examples")
    windows = section.all("div", **{"class": "window"})
    assert windows[0].text == "x·=·def(1)"
    [peak] = [piece for piece in windows[0].all("span") if piece.text == "def"]
    assert peak.attributes == {"class": "t a10 peak", "title": "2"}  # the strongest of all: 16 eighths


def test_equal_windows_are_folded_and_counted(visit, ask):
    places = visit("/sae/demo/mid/0").section("examples").all("p", **{"class": "place"})
    assert "· 3 alike" in places[0].text, "the three top examples of the synthetic store have the same tokens"


def test_an_interval_says_which_share_of_the_firings_it_holds(visit, ask):
    rows = ask("select activation from feature_activation where recipe_id = 'mid' and feature_id = 1")
    strongest = max(row.activation for row in rows)
    strong = sum(row.activation > strongest / 2 for row in rows) / len(rows)
    titles = [title.text for title in visit("/sae/demo/mid/1").section("examples").all("h3")]
    assert (
        titles[1] == f"Interval 1: {strongest / 2:.4g} to {strongest:.4g}, contains {100 * strong:.3g} % of its firings"
    )
    assert titles[2] == f"Interval 0: 0 to {strongest / 2:.4g}, contains {100 - 100 * strong:.3g} % of its firings"


def test_labels_come_with_their_provenance_and_the_best_first(visit):
    found = visit("/sae/demo/mid/0").section("labels").all("article")
    assert [label.one("h3").text for label in found] == ["Function definitions shown first", "tokens like def"]
    assert "anthropic, a-model" in found[0].text
    prompts = [next(div.one("dd").text for div in label.all("div") if "prompt" in div.text) for label in found]
    assert prompts == ["activations", "–"]
    assert "2026-01-02 12:00 UTC" in found[0].text
    failed = visit("/sae/demo/mid/1").section("labels").one("article")
    assert "no label: parse_error" in failed.text
    assert "no label in the answer" in failed.text


def test_every_score_of_a_label_stands_with_its_interval_and_trials(visit, ask):
    best, other = visit("/sae/demo/mid/0").section("labels").all("article")
    for label, explainer in ((best, "anthropic"), (other, "lexical")):
        wanted = ask(
            "select s.* from explanation_score as s join explanation using (model_id, recipe_id, explanation_id) "
            "where recipe_id = 'mid' and feature_id = 0 and explainer = $e order by scorer, metric",
            {"e": explainer},
        )
        assert len(wanted) == 8
        assert [(row[0].text, row[1].text) for row in label.rows] == [(row.scorer, row.metric) for row in wanted]
        assert [[value for cell in row for value in cell.values] for row in label.rows] == [
            said(row.value, row.ci_low, row.ci_high, row.n_trials, row.n_failed) for row in wanted
        ]
    assert not visit("/sae/demo/mid/1").section("labels").all("table"), "an attempt that failed has no score"


def test_specificity_is_shown_by_interval_with_what_the_judge_failed_at(visit, ask):
    strip = visit("/sae/demo/mid/2").section("specificity")
    rated, _, each, counts, failed = ([cell.values for cell in row[1:]] for row in strip.rows)
    assert rated == [[], ["1.0"], ["3.0"]], "the judge failed at the control of feature 2"
    assert each == [["0", "0", "0", "0"], ["0", "2", "0", "0"], ["0", "0", "0", "2"]]
    assert counts == [["0"], ["2"], ["2"]]
    assert failed == [["1"], ["0"], ["0"]]
    [label] = ask("from feature_label where recipe_id = 'mid' and feature_id = 2")
    assert strip.facts == {
        "mean of intervals, 0 to 3": said(label.specificity_mean),
        "weighted by firings": said(label.specificity_density_weighted),
        "share of 3s": said(label.fraction_rated_3),
        "controls": [],
        "ratings": said(label.n_ratings, label.n_failed),
    }


@pytest.mark.parametrize(("address", "n"), [("/sae/demo/mid/3", (1, 2, 2)), ("/sae/demo/mid", (10, 22, 22))])
def test_ratings_are_stacked_by_interval(visit, address, n):
    plot = visit(address).section("specificity").one("svg")
    slices = [(bar.attributes["class"], bar.one("title").text) for bar in plot.all("rect")]
    assert slices == [
        ("bar r0", f"control: {n[0]} of {n[0]} rated 0"),
        ("bar r1", f"0: {n[1]} of {n[1]} rated 1"),
        ("bar r3", f"1: {n[2]} of {n[2]} rated 3"),
    ]


def test_the_judge_says_why_beside_each_rating(visit):
    section = visit("/sae/demo/mid/2").section("examples")
    why = [
        (detail.one("summary").text, detail.one("p").text) for detail in section.all("details", **{"class": "reason"})
    ]
    assert why == [("why 3", "it has  str"), ("why 1", "it has  str")], "equal windows are folded"
    assert "not rated: parse_error" in section.text
    assert not visit("/sae/demo/late/2").section("examples").all("details", **{"class": "reason"})


def test_spend_tells_batches_from_live_requests(visit, ask):
    rows = visit("/sae/demo/mid").section("spend").rows
    wanted = ask("from spend where recipe_id = 'mid' order by purpose")
    assert [(row[2].text, row[4].text) for row in rows] == [("explain", "live"), ("specificity", "in a batch")]
    for row, one in zip(rows, wanted, strict=True):
        assert [value for cell in row for value in cell.values] == said(
            one.n_requests, one.input_tokens, one.cache_write_tokens, one.cache_read_tokens, one.output_tokens,
            one.n_tokens, one.cost_usd,
        )  # fmt: skip


@pytest.mark.parametrize("text", ["def", "tokens like RETURN", "tokens like self", "\n", "function", "100%"])
def test_search_finds_what_the_macro_finds(visit, ask, text):
    section = visit(f"/search?text={quote(text)}").section("text_matches")
    wanted = ask("from find_features($text)", {"text": text})
    assert [row[0].text for row in section.rows] == [f"{row.sae_id}/{row.feature_id}" for row in wanted]
    assert [row[2].text for row in section.rows] == [row.found_in for row in wanted]


def test_search_for_nothing_asks_for_a_text(visit):
    section = visit("/search").section("text_matches")
    assert "Type a text" in section.text
    assert not section.rows


def test_a_dead_feature_says_so(visit):
    page = visit("/sae/demo/mid/11")
    assert "This feature is dead: it never fired on 160 tokens." in page.section("overview").text
    assert not page.all("section", id="activation_histogram")
    assert not page.all("section", id="examples")
    assert not page.section("density").all("line", **{"class": "mark"})


def test_a_dictionary_without_labels_says_what_would_bring_them(visit):
    assert "Nobody has explained this feature yet" in visit("/sae/demo/late/3").section("labels").text
    assert "No label was rated" in visit("/sae/demo/late").section("specificity").text


def test_pages_step_to_the_neighbours_by_number(visit, visitor):
    def steps(feature: int) -> dict[str, str]:
        form = visit(f"/sae/demo/mid/{feature}").one("form", **{"class": "jump"})
        return {link.text: link.attributes["href"].removeprefix("/sae/demo/mid/") for link in form.all("a")}

    always = {"random": "random", "your own text": "/model/demo/text?dictionary=mid"}
    assert steps(0) == always | {"map": "map?feature=0", "compare": "/compare?a=demo/mid/0", "next": "1"}
    assert steps(5) == always | {
        "map": "map?feature=5",
        "compare": "/compare?a=demo/mid/5",
        "previous": "4",
        "next": "6",
    }
    assert steps(11) == always | {"map": "map?feature=11", "compare": "/compare?a=demo/mid/11", "previous": "10"}
    assert visitor.get("/sae/demo/mid/jump?feature= 7 ").url.path == "/sae/demo/mid/7"


def test_only_labels_that_were_rated_show_their_ratings(tmp_path, read):
    store, keys = SyntheticStore(str(tmp_path)), {"model_id": "demo", "recipe_id": "mid"}
    store.write_model("demo")
    store.write_sae("demo", "mid", labels=False, codes=False)
    named = {"feature_id": 0, "explainer": "a", "status": "ok", "n_examples": 1}
    store.write("explanation", keys, [{"explanation_id": name, "label": f"label {name}"} | named for name in "xy"])
    rated = {"example_id": "e", "feature_id": 0, "interval_index": 1, "activation": 1.0, "rating": 2, "status": "ok"}
    store.write("specificity", keys, [{"explanation_id": "y", "judge": "lexical"} | rated])
    publish(tmp_path / "warehouse.duckdb", store.stored)
    page = read(TestClient(app(tmp_path / "warehouse.duckdb")).get("/sae/demo/mid/0").text)
    assert [head.text for head in page.section("specificity").all("h3")] == ["label y"]
    assert len(page.section("labels").all("article")) == 2


def test_random_never_leads_to_a_dead_feature(visitor, monkeypatch):
    for start, wanted in ((0, 0), (7, 7), (11, 0)):
        monkeypatch.setattr(routes.random, "randrange", lambda n, start=start: start)
        assert visitor.get("/sae/demo/mid/random").url.path == f"/sae/demo/mid/{wanted}"


ALWAYS = {
    "home": ("welcome", "dictionaries", "newest", "features_to_begin_with", "lists", "pareto", "densities"),
    "search": ("text_matches", "semantic_matches", "examples"),
    "sae": ("summary", "features", "training", "densities", "specificity", "metrics", "spend", "for_programs"),
    "feature": ("overview", "logits", "density", "similar_features", "labels", "specificity", "matches"),
    "list": ("features",),
    "model": ("about", "dictionaries", "experiments"),
}
"""Panels that stand on every page of the kind; others, where there is something to show."""


@pytest.mark.parametrize(
    ("address", "folder"),
    [
        ("/", "home"),
        ("/search?text=def&meaning=yes", "search"),
        ("/sae/demo/mid", "sae"),
        ("/sae/demo/mid/0", "feature"),
        ("/sae/demo/late/11", "feature"),
        ("/list/words", "list"),
        ("/model/demo", "model"),
    ],
)
def test_every_file_is_a_panel_that_shows_the_sql_it_ran(visit, address, folder):
    sections = visit(address).all("section")
    files = [file.stem[3:] for file in sorted((Path(routes.__file__).parent / "panels" / folder).iterdir())]
    shown_panels = [section.attributes["id"] for section in sections]
    assert shown_panels == [name for name in files if name in shown_panels], "in the order of their files"
    assert set(ALWAYS[folder]) <= set(shown_panels)
    texts = {query.sql: query for query in queries().values()}
    for section in sections:
        shown = [code.text for code in section.all("details", **{"class": "sql"})[-1].all("code")]
        asked = [texts[text] for text in shown if text in texts]
        assert asked, f"{section.attributes['id']} shows no query"
        given = dict(line.lstrip("$").split(" = ", 1) for line in shown if re.match(r"\$\w+ = ", line))
        assert {name for query in asked for name in query.parameters} == set(given)


@pytest.mark.parametrize(("address", "names"), [("/sae/demo/mid/3", ["examples", "labels"]), ("/", ["pareto"])])
def test_panels_can_stand_alone_in_another_page(visit, address, names):
    whole, alone = visit(address), visit(f"{address}?embed={','.join(names)}")
    assert [section.attributes["id"] for section in alone.all("section")] == names
    assert [alone.section(name).text for name in names] == [whole.section(name).text for name in names]
    assert alone.one("base").attributes == {"target": "_top"}, "links leave the frame"
    assert not alone.all("form")
    assert not alone.all("header")


def test_two_features_stand_side_by_side_as_they_stand_alone(visit):
    page = visit("/compare?a=demo/mid/3&b=demo/late/11")
    for letter, address in (("a", "/sae/demo/mid/3"), ("b", "/sae/demo/late/11")):
        for section in visit(address).all("section"):
            assert page.section(f"{letter}-{section.attributes['id']}").text == section.text
    elements = [element for tag in ("section", "h2", "a", "input") for element in page.all(tag)]
    ids = [element.attributes["id"] for element in elements if "id" in element.attributes]
    assert len(ids) == len(set(ids)), "an id stands for one element"
    boxes = page.one("form", action="/compare").all("input")
    assert [box.attributes["value"] for box in boxes] == ["demo/mid/3", "demo/late/11"]


def test_comparing_begins_with_one_feature_or_none(visit):
    assert not visit("/compare").all("section")
    assert {name.attributes["id"][:2] for name in visit("/compare?a=demo/mid/3").all("section")} == {"a-"}


def test_every_link_leads_somewhere(visit, visitor):
    seen, waiting = set(), ["/"]
    while waiting:
        address = waiting.pop()
        found = {link.attributes["href"].split("#")[0] for link in visit(address).all("a")}
        plain = {link for link in found if link.startswith("/") and not link.endswith("/random") and "?" not in link}
        of_programs = {link for link in plain if link.startswith("/api/")}
        assert [link for link in of_programs if visitor.get(link).status_code != 200] == []
        waiting += sorted(plain - seen - of_programs)
        seen |= plain - of_programs
    dictionaries = {f"/sae/demo/{r}{page}" for r in ("mid", "late") for page in ("", "/map")}
    experiments = {"/experiments", "/experiments/demo/asked", "/experiments/demo/asked/graph/0"}
    assert seen == {
        "/",
        "/api",
        "/list/words",
        "/model/demo",
        "/model/demo/ask/logit_lens",
        "/model/demo/text",
        *experiments,
        *dictionaries,
        *(f"/sae/demo/{r}/{f}" for r, f in FEATURES),
    }
