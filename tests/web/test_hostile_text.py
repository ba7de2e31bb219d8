"""Text of a corpus is shown, never run: not as HTML, not as SQL, not as a direction of writing."""

import re
import unicodedata
from itertools import cycle, zip_longest
from urllib.parse import quote

import pytest
from graph_rows import graph_of_texts
from patched_synthetic_store import patch_synthetic_store
from starlette.testclient import TestClient
from synthetic_store import SyntheticStore

from sql.publish import publish
from web.app import app
from web.formatting import visible_text

SCRIPTS = [
    "<script>alert(1)</script>", "</script><script>alert(1)</script>", "<ScRiPt src=//x.y></sCrIpT>", "<script\n>x()",
    "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<iframe src=x>",
    "<body onload=x()>", "<a href='javascript:alert(1)'>x</a>", "<style>*{display:none}</style>",
    "<link rel=stylesheet>",
    "<meta http-equiv=refresh content=0>", "<base href=//x.y>", "<form action=//x.y>", "<input autofocus onfocus=x()>",
    "<details open ontoggle=x()>", "<math><mtext></mtext></math>", "<!-- ", "-->", "<![CDATA[", "]]>", "<?php x ?>",
    '"><script>alert(1)</script>', "'><script>alert(1)</script>", '" onmouseover="alert(1)', "' onmouseover='alert(1)",
    "` onmouseover=`x`", '"', "'", "`", "\\", "&lt;script&gt;", "&#60;script&#62;", "&", "&amp;amp;", "&quot;", "<",
    ">",
    "</span></p></section>", "</title><script>x()</script>", "</textarea>", "</style>", "</svg>", "</code></pre>",
    "{{ 7*7 }}", "{% raw %}", "{# #}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{{ ''.__class__ }}", "%s %d %n", "{0} {x}",
    "'; drop table feature; --", "' or 1=1 --", "$model_id", "$1", "?", "%00", "%0d%0aSet-Cookie: a=b", "\r\nX: y",
    "javascript:alert(1)", "data:text/html,<script>", "//x.y", "../../etc/passwd", "..%2f..%2f", "file:///etc/passwd",
]  # fmt: skip
INVISIBLE = [
    "\0", "a\0b", "\x01", "\x07", "\x08", "\x1b[31m", "\x7f", "\x85", "\x9b", "\xa0", "\xad", "\u200b", "\u200c",
    "\u200d",
    "\u200e", "\u200f", "\u202a", "\u202b", "\u202d", "\u202e", "\u202eevil", "\u2028", "\u2029", "\u2060", "\u2066",
    "\u2067", "\u2069", "\u3000", "\ufeff", "\ufffd", "\ufffe", "\ufff9", "\U000e0041", "\ue000", " ", "  ", "\t", "\n",
]  # fmt: skip
VISIBLE = ["😀", "👩‍👩‍👧", "é", "e\u0301", "ש", "سلام", "漢字", "Ω", "ﷺ", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢", "İ", "ß"]
HOSTILE = SCRIPTS + INVISIBLE + VISIBLE + ["x" * 100_000]

TAGS = {
    "", "html", "head", "meta", "title", "link", "script", "body", "a", "header", "nav", "main", "h1", "h2", "h3",
    "form",
    "label", "input", "button", "section", "details", "summary", "pre", "code", "p", "div", "dl", "dt", "dd", "data",
    "span", "time", "article", "table", "caption", "thead", "tbody", "tr", "th", "td", "ol", "ul", "li", "footer",
    "select", "option", "bdi", "q", "strong", "noscript", "svg", "rect", "line", "circle", "text", "polyline",
    "figure", "figcaption", "img",
}  # fmt: skip
ATTRIBUTES = {
    "maxlength",
    "lang", "charset", "name", "content", "rel", "href", "src", "defer", "class", "id", "aria-label", "aria-labelledby",
    "aria-sort", "role", "action", "inputmode", "size", "placeholder", "value", "type", "for", "title", "scope",
    "tabindex", "hidden", "open", "min", "max", "disabled", "autocomplete", "aria-hidden",
    "data-address", "data-model", "data-target", "data-nodes",
    "selected", "viewbox", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "points",
    "alt", "loading",
}  # fmt: skip
LINE_ENDS = {"\n"}
PROMPT = "\"><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\0{{ 7*7 }}' or 1=1 --"

DAGSTER = "http://127.0.0.1:3000/assets/sae?view=partitions&partition="
"""The one address elsewhere that pages link to."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> TestClient:
    """A feature for each hostile text: its token, its label, why it was rated, its promoted token; and one prompt."""
    home = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        prompts = {"lexical": PROMPT, "anthropic": PROMPT}
        patch_synthetic_store(patch, WORDS=HOSTILE, N_FEATURES=len(HOSTILE) + 1, DEAD=len(HOSTILE), PROMPTS=prompts)
        store = SyntheticStore(str(home))
        store.write_model("demo")
        store.write_sae("demo", "mid", codes=False)
        store.write_experiment("demo", "asked", graph_of_texts(HOSTILE))
        publish(home / "warehouse.duckdb", store.stored)
    return TestClient(app(home / "warehouse.duckdb"))


def held_harmless(page) -> None:
    """Only elements and attributes of ours, only our script, nothing invisible in what is read."""
    assert page.tag in TAGS, page.tag
    assert set(page.attributes) <= ATTRIBUTES, page.attributes
    if page.tag == "script":
        ours = [{"src": f"/static/{name}", "defer": ""} for name in ("keys.js", "copy.js")]
        assert page.attributes in [*ours, {"src": "/static/graph/main.js", "type": "module"}]
        assert not page.inside
    if page.tag == "img":
        assert re.fullmatch(r"/experiments/[^/]+/[^/]+/image/\d+\.png", page.attributes["src"])
    for name in ("href", "src", "action"):
        assert page.attributes.get(name, "/").startswith(("/", "#", "?", DAGSTER)), page.attributes
        assert not page.attributes.get(name, "/").startswith("//"), page.attributes
    texts = [part for part in page.inside if isinstance(part, str)]
    texts += [value for name, value in page.attributes.items() if name != "value"]
    for text in texts:
        hidden = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cs", "Cn")} - LINE_ENDS
        assert not hidden, f"{hidden!r} in <{page.tag}>: {text[:80]!r}"
    for part in page.inside:
        if not isinstance(part, str):
            held_harmless(part)


def test_the_corpus_is_large_enough_to_mean_something():
    assert len(set(HOSTILE)) == len(HOSTILE) >= 100


def test_planted_tokens_and_labels_stay_text_on_lists(hostile, read):
    for address in ["/", "/sae/demo/mid", "/sae/demo/mid?page=2", "/sae/demo/mid?page=3"]:
        held_harmless(read(hostile.get(address).text))


@pytest.mark.parametrize("first", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 4, 6))])
def test_planted_tokens_and_labels_stay_text_on_their_pages(hostile, read, first):
    for feature in range(first, len(HOSTILE), 8):  # a page shows the next feature too, its token and its label
        answer = hostile.get(f"/sae/demo/mid/{feature}")
        assert answer.status_code == 200, HOSTILE[feature][:50]
        page = read(answer.text)
        held_harmless(page)
        if HOSTILE[feature] in SCRIPTS and HOSTILE[feature].isprintable():
            promoted = page.section("logits").all("code", **{"class": "token"})[1].text
            assert promoted == HOSTILE[feature].replace(" ", "·")
        if feature > 0:  # of the first feature, the label shown was not rated
            reasons = page.section("examples").all("details", **{"class": "reason"})
            assert {reason.one("p").text for reason in reasons} == {visible_text(f"it has {HOSTILE[feature]}", 1000)}
        assert visible_text(PROMPT) in page.section("labels").text


def test_texts_of_a_graph_stay_text_and_its_file_has_them_as_they_are(hostile, read):
    answer = hostile.get("/experiments/demo/asked/graph/0")
    assert answer.status_code == 200
    page = read(answer.text)
    held_harmless(page)
    assert len(page.section("nodes").rows) == 2 * len(HOSTILE) + 9
    tokens = [node["token"] for node in hostile.get("/api/experiments/demo/asked/graphs/0").json()["nodes"]]
    assert set(tokens) == set(HOSTILE)
    assert hostile.get("/api/graph_data/demo/asked/0.json").json()["metadata"]["prompt_tokens"] == HOSTILE


def test_a_token_of_a_hundred_kilobytes_is_cut_and_counted(hostile, read):
    answer = hostile.get(f"/sae/demo/mid/{HOSTILE.index('x' * 100_000)}")
    assert len(answer.text) < 60_000
    promoted = read(answer.text).section("logits").all("code", **{"class": "token"})[1].text
    assert promoted == "x" * 200 + "… (100,000 characters)"


def test_hostile_query_strings_come_back_as_text(hostile, read):
    texts = [quote(text, safe="") for text in HOSTILE[:-1]]
    for label, token, sort, page in zip_longest(*(texts[n::4] for n in range(4)), fillvalue="x"):
        answer = hostile.get(f"/sae/demo/mid?label={label}&token={token}&sort={sort}&order={sort}&page={page}&{page}=1")
        assert answer.status_code == 200, (label, token, sort, page)
        held_harmless(read(answer.text))
        held_harmless(read(hostile.get(f"/search?text={label}").text))


def test_a_label_that_was_searched_for_is_found_whatever_it_holds(hostile, read):
    for text in ("<svg onload=alert(1)>", "' or 1=1 --", "%s %d %n", "😀", "\u202eevil"):
        section = read(hostile.get(f"/sae/demo/mid?label={quote(text)}").text).section("features")
        assert str(HOSTILE.index(text)) in [row[0].text for row in section.rows], text


def test_hostile_addresses_come_back_as_text(hostile, read):
    places = ("/sae/demo/{}", "/sae/{}/mid", "/sae/demo/mid/{}", "/{}", "/sae/{0}/{0}", "/static/{}", "/compare?a={}")
    for text, place in zip(HOSTILE[:-1], cycle(places), strict=False):
        answer = hostile.get(place.format(quote(text, safe="")))
        assert answer.status_code in (200, 404), (place, text)
        held_harmless(read(answer.text))


@pytest.mark.parametrize("address", ["/sae/demo/%ff%fe", "/sae/demo/mid?label=%ff%ed%a0%80", "/sae/demo/mid/%ed%a0%80"])
def test_bytes_that_are_no_text_are_no_mistake_of_ours(hostile, address):
    assert hostile.get(address).status_code in (200, 404)


@pytest.mark.parametrize("first", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_programs_are_given_every_text_as_it_is_and_nothing_that_runs(hostile, first):
    for feature_id, text in list(enumerate(HOSTILE))[first::3]:
        here = f"/api/saes/demo/mid/features/{feature_id}"
        for address in (here, f"/api/feature/demo/mid/{feature_id}", f"{here}/examples"):
            answer = hostile.get(address)
            assert answer.status_code == 200, (address, answer.text[:200])
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["x-content-type-options"] == "nosniff"
        tokens = [token for item in answer.json()["items"] for token in item["tokens"]]
        assert any(text in token for token in tokens), repr(text[:50])


def test_markdown_of_hostile_texts_has_one_line_a_window_and_no_markup(hostile):
    for feature_id in range(len(HOSTILE)):
        answer = hostile.get(f"/api/saes/demo/mid/features/{feature_id}/examples.md")
        assert answer.headers["content-type"].startswith("text/markdown")
        lines = answer.text.split("\n")
        assert lines[1] == lines[-1] == ""
        assert all(re.match(r"- [0-9.e+-]+: ", line) for line in lines[2:-1])
        plain = re.sub(r"\\.", "", answer.text)
        assert not re.search(r"[<>&\[\]~|$_]", plain), plain[:300]
        assert all(c.isprintable() or c == "\n" for c in answer.text)
