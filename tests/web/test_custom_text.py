"""A reader's own text: what the model says of it is what the store holds of the same text, and any text stays text."""

from dataclasses import dataclass
from urllib.parse import urlencode

import dagster as dg
import numpy as np
import pytest
from small_house import small_house
from starlette.testclient import TestClient

from models.language_model.hooked_model import HookedModel
from pipelines.runs.in_process import run_partition
from pipelines.serving.text_reader import CannotRunModel, TextReader
from sql.warehouse import connect
from web.app import app
from web.custom_text import MOST_CHARACTERS, by_feature, by_token

ADDRESS = "/sae/demo/mid/text"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    store = small_house(tmp_path_factory.mktemp("house"))
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_partition(store, "first/small", instance).success
    return store


@pytest.fixture(scope="module")
def reader(house) -> TextReader:
    return TextReader(house)


@pytest.fixture(scope="module")
def client(house, reader) -> TestClient:
    return TestClient(app(house.published, reader))


def contexts_of(house, n: int):
    """The first contexts of documents of the corpus, which begin where a text begins: id, text and tokens of each."""
    found = house.datasets.harvested(house.registration("first/small"))
    tokenizer = HookedModel.load(*pair(house)).tokenizer
    corpus = house.datasets.contexts(found)
    for context in [context for context in corpus if context.start == 0][:n]:
        ids = [int(token) for token in context.token_ids if int(token) not in corpus.token_filter.special_ids]
        text = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if tokenizer(text, add_special_tokens=False)["input_ids"] == ids:  # a cut may fall within a word
            yield context, text, ids


def pair(house) -> tuple[str, None]:
    return house.registration("first/small").model.source, None


def test_own_text_fires_as_the_stored_codes_of_the_same_text(house, reader):
    compared = 0
    con = connect(house.published)
    for context, text, ids in contexts_of(house, 12):
        reading = reader.read("first/small", text)
        assert "".join(reading.tokens) == text
        assert len(reading.tokens) == len(ids)
        stored = con.execute(
            "select position, feature_id, activation from feature_activation "
            "where recipe_id = 'small' and context_id = $id order by all",
            {"id": context.context_id},
        ).fetchall()
        prefix = len(context.token_ids) - len(ids)
        found = sorted((place + prefix, feature, activation) for place, feature, activation in reading.fires)
        assert [row[:2] for row in found] == [row[:2] for row in stored], context.document_id
        np.testing.assert_allclose([row[2] for row in found], [row[2] for row in stored], rtol=1e-4)
        compared += len(stored)
    con.close()
    assert compared > 500, "too few codes to mean anything"


def test_a_text_longer_than_a_context_is_cut_and_says_so(reader, client, read):
    text = "def work(item_1):\n" * 40
    reading = reader.read("first/small", text)
    assert text.startswith("".join(reading.tokens))
    assert "only the first" in reading.cut
    page = read(client.post("/sae/first/small/text", data=None, content=urlencode({"text": text})).text)
    assert reading.cut in page.section("own_text").text


def test_what_cannot_be_run_is_refused_with_the_reason(house, reader, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no token that a feature could fire on"):
        reader.read("first/small", "")
    with pytest.raises(CannotRunModel, match="materialize"):
        reader.read("first/none", "text")
    for changed, said in (
        ({"source": "nobody/has-this"}, "is not on this machine"),
        ({"source": "s3://bucket/model"}, "is not on this machine"),
        ({"n_parameters": 7_000_000_000}, "7.0 G parameters"),
        ({"weights_sha256": "0" * 64}, "other weights now"),
    ):
        other = TextReader(house)
        monkeypatch.setattr(other, "_row", lambda table, changed=changed, **keys: reader._row(table, **keys) | changed)
        with pytest.raises(CannotRunModel, match=said):
            other.read("first/small", "text")


def test_a_model_is_loaded_once(reader):
    before = dict(reader._models)
    reader.read("first/small", "def")
    assert dict(reader._models) == before
    assert len(reader._models) == 1


def test_the_page_shows_each_feature_where_it_fires_and_leads_to_it(reader, client, read):
    text = "def work_1(item_1):\n    total_1 = item_2 * 3\n"
    reading = reader.read("first/small", text)
    section = read(client.post("/sae/first/small/text", content=urlencode({"text": text})).text).section("own_text")
    fires = by_feature(reading)
    assert section.one("p", role="status").values == [str(len(fires)), str(len(reading.tokens))]
    links = {p.one("a").attributes["href"]: one for p, one in zip(
        section.all("p", **{"class": "hit"}), section.all("div", **{"class": "window all"}), strict=True
    )}  # fmt: skip
    assert len(links) == min(50, len(fires))
    for one in fires:
        window = links.get(f"/sae/first/small/{one.feature_id}")
        if window is not None:
            shaded = [piece.attributes["title"] for piece in window.all("span") if "title" in piece.attributes]
            assert shaded == [f"{activation:.4g}" for activation in one.activations if activation > 0]
    rows = section.one("table").rows
    assert [row[1].text for row in rows] == [token.replace(" ", "·").replace("\n", "⏎") for token in reading.tokens]
    for row, some in zip(rows, by_token(reading), strict=True):
        assert [link.text for link in row[2].all("a")] == [str(feature) for feature, _ in some]
    assert section.one("textarea").text.strip() == text.strip()


@dataclass(frozen=True)
class Said:
    tokens: tuple[str, ...]
    fires: tuple[tuple[int, int, float], ...] = ((0, 3, 1.0),)
    cut: str = ""


class Echo:
    """Reads every text as one token on which feature 3 fires."""

    def read(self, sae_id: str, text: str) -> Said:
        assert sae_id == "demo/mid"
        if text == "no":
            raise ValueError("because <b>no</b>")
        return Said((text,))


@pytest.fixture(scope="module")
def echo(warehouse) -> TestClient:
    return TestClient(app(warehouse, Echo()))


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "</textarea><script>alert(1)</script>",
     '"><img src=x onerror=alert(1)>', "\u202eabc\0",
     "{{ 7*7 }}", "😀 漢字", "a\r\nb\tc", "'; drop table feature; --"],
)  # fmt: skip
def test_a_hostile_text_stays_text(echo, read, text):
    answer = echo.post(ADDRESS, content=urlencode({"text": text}))
    assert answer.status_code == 200
    page = read(answer.text)  # an element that the text had opened would be out of turn
    assert not page.section("own_text").all("script")
    assert not page.all("img")
    assert "\u202e" not in answer.text
    assert "\0" not in answer.text
    assert len(page.section("own_text").all("div", **{"class": "window all"})) == 1


def test_a_refusal_is_shown_as_text(echo, read):
    section = read(echo.post(ADDRESS, content="text=no").text).section("own_text")
    assert section.one("p", role="status").text == "because <b>no</b>"


@pytest.mark.parametrize("n", [MOST_CHARACTERS + 1, 5_000_000])
def test_a_text_beyond_any_model_is_refused_before_it_is_read(echo, read, n):
    section = read(echo.post(ADDRESS, content=f"text={'x' * n}").text).section("own_text")
    assert "the text is longer than 20,000 characters" in section.text


@pytest.mark.parametrize("body", [b"", b"text", b"other=1", b"\xff\xfe", b"text=%ff%fe%ed%a0%80", b"&" * 5000])
def test_a_form_that_is_none_is_no_mistake_of_ours(echo, body):
    assert echo.post(ADDRESS, content=body).status_code == 200


def test_pages_without_a_reader_say_so(visitor, read):
    section = read(visitor.post(ADDRESS, content="text=def").text).section("own_text")
    assert "started without anything that runs models" in section.text
    assert visitor.post("/sae/demo/none/text", content="text=def").status_code == 404
