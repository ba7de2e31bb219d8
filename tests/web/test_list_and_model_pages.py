"""Pages of lists and models, and what home shows of dictionaries and of what came last."""


def test_a_list_has_a_page_and_stands_on_home_and_on_its_features(visit, visitor):
    page = visit("/list/words")
    assert page.one("h1").text == "Words <of> people"
    assert [row[0].text for row in page.section("features").rows] == ["demo/mid/3", "demo/late/0", "demo/mid/11"]
    assert page.section("features").rows[0][2].text == "the first"
    assert visit("/").section("lists").one("a").attributes["href"] == "/list/words"
    [entry] = visit("/sae/demo/mid/3").section("lists").all("li")
    assert entry.text == "Words <of> people: the first anna"
    assert not visit("/sae/demo/mid/0").all("section", id="lists")
    answer = visitor.get("/list/wor<b>")
    assert answer.status_code == 404
    assert "there is no list wor&lt;b&gt; in this warehouse" in answer.text


def test_a_model_has_a_page_with_its_dictionaries_and_how_much_of_them_is_known(visit, visitor, ask):
    page = visit("/model/demo")
    rows = {row[2].text: [cell.values for cell in row] for row in page.section("dictionaries").rows}
    assert rows.keys() == {"mid", "late"}
    [known] = ask(
        "select count(label) / 12 as labelled, "
        "count(*) filter (label is not null and detection is not null) / 12 as scored "
        "from _feature_summary where recipe_id = 'mid'"
    )
    assert 0 < known.scored <= known.labelled < 1
    assert rows["mid"][9] + rows["mid"][10] == [repr(known.labelled), repr(known.scored)]
    assert rows["late"][9:12] == [["0.0"], ["0.0"], ["0"]]
    assert not page.all("section", id="layers"), "both dictionaries are of one layer"
    answer = visitor.get("/model/dem")
    assert (answer.status_code, "there is no model dem in this warehouse" in answer.text) == (404, True)


def test_a_model_has_the_questions_that_were_asked_of_it(visit, ask):
    items = visit("/model/demo").section("experiments").all("li")
    asked = ask("select experiment_id, question from experiment where model_id = 'demo'")
    links = {link.text: link.attributes["href"] for item in items for link in item.all("a")}
    assert links == {row.experiment_id: f"/experiments/demo/{row.experiment_id}" for row in asked}
    assert len(links) > 0
    assert all(any(row.question in item.text for item in items) for row in asked)


def test_home_shows_dictionaries_as_cards_and_what_came_last(visit, ask):
    home = visit("/")
    cards = home.section("dictionaries").one("ul").all("li")
    assert [card.one("a").text for card in cards] == [f"demo/{recipe}" for recipe in ("late", "mid")]
    dates = [item.one("time").text for item in home.section("newest").all("li")]
    assert dates == sorted(dates, reverse=True)
    assert len(dates) > 2
    made = {row.created_at for row in ask("select created_at::date::varchar as created_at from sae")}
    assert made <= set(dates)
