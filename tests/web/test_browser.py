"""The pages in a real browser: looked at, clicked through, typed into; by mouse and by keyboard; scripts on and off."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from browser import (
    DESK,
    PHONE,
    Compass,
    EchoReader,
    Watched,
    assert_fits_and_breaks_no_rule,
    chromium,
    served,
)
from starlette.responses import HTMLResponse
from synthetic_codes import WORDS
from warehouse_registry import registry_of_the_warehouse

from pipelines.serving.label_editor import RegistryLabelEditor
from web import feature_table
from web.app import app
from web.request_origin import RequestOrigin

pytestmark = pytest.mark.browser
SCREENSHOTS = os.environ.get("GLASSHOUSE_SCREENSHOTS")
"""Where pictures of every page are kept, to look at; a folder of the test where it is not set."""
PAGES = {
    "home": "/",
    "search": "/search?text=str",
    "nothing-found": "/search?text=nowhere",
    "sae": "/sae/demo/mid",
    "sae-unlabelled": "/sae/demo/late?sort=density&order=descending",
    "feature": "/sae/demo/mid/0",
    "feature-dead": "/sae/demo/mid/11",
    "feature-unlabelled": "/sae/demo/late/3",
    "embedded": "/sae/demo/mid/0?embed=labels,examples",
    "compare-empty": "/compare",
    "compare": "/compare?a=demo/mid/0&b=demo/late/3",
    "compare-choice": "/compare?a=demo/mid",
    "compare-dictionaries": "/compare?a=demo/mid&b=demo/late",
    "search-examples": "/search?text=str&examples=yes",
    "search-meaning": "/search?text=str&meaning=yes",
    "map": "/sae/demo/mid/map?feature=2",
    "map-cluster": "/sae/demo/mid/map?cluster=1",
    "experiments": "/experiments",
    "experiment": "/experiments/demo/asked",
    "graph": "/experiments/demo/asked/graph/0",
    "own-text": "/model/demo/text",
    "own-text-read": "/model/demo/text?text=one+two+three",
    "own-text-token": "/model/demo/text?text=one+two+three&token=2&feature=mid/0",
    "list": "/list/words",
    "model": "/model/demo",
    "missing": "/sae/demo/mid/99",
}
FOCUSED = """() => {
    const found = document.activeElement, box = found.getBoundingClientRect(), style = getComputedStyle(found);
    const before = window.__last;
    window.__last = found;
    return {
        name: found.tagName + ' ' + (found.textContent.trim() || found.name || found.getAttribute('aria-label')),
        body: found === document.body,
        outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
        seen: box.width > 0 && box.left >= 0 && box.top < innerHeight && box.bottom > 0,
        in_order: !before || !!(before.compareDocumentPosition(found) & Node.DOCUMENT_POSITION_FOLLOWING),
    };
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def home(warehouse: Path) -> Iterator[str]:
    with served(app(warehouse, EchoReader(), Compass())) as address:
        yield address


@pytest.fixture
def look(browser: Any, home: str) -> Iterator[Watched]:
    """A page in a window of a desk; whatever it did wrong fails the test."""
    with Watched.open(browser, home) as watched:
        yield watched
        assert not watched.done


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", ["desk", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_window_and_breaks_no_rule_of_access(
    browser: Any, home: str, tmp_path: Path, name: str, width: str, scheme: str
):
    with Watched.open(browser, home, color_scheme=scheme, viewport=DESK if width == "desk" else PHONE) as watched:
        watched.go(PAGES[name])
        folder = Path(SCREENSHOTS) if SCREENSHOTS else tmp_path
        watched.page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True)
        assert_fits_and_breaks_no_rule(watched)
        assert not watched.done


def test_dark_and_light_are_two_papers(browser: Any, home: str):
    paper = {}
    for scheme in ("light", "dark"):
        with Watched.open(browser, home, color_scheme=scheme) as watched:
            watched.go("/")
            paper[scheme] = watched.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}


def test_a_text_typed_into_the_head_of_a_page_is_searched_for(look: Watched):
    look.go("/")
    look.page.get_by_label("Label or token").fill("def")
    look.page.keyboard.press("Enter")
    look.page.wait_for_url("**/search?text=def")
    first = look.page.locator("#text_matches tbody tr").first
    assert "tokens like def" in first.inner_text() or "Function definitions" in first.inner_text()
    first.get_by_role("link").click()
    assert look.page.locator(".kicker").inner_text().startswith("Feature ")


def test_a_table_is_searched_by_label_and_by_token_and_narrowed_to_the_dead(look: Watched):
    def found() -> list[str]:
        return look.page.locator("#features tbody th").all_inner_texts()

    look.go("/sae/demo/mid")
    form = look.page.locator("form.search")
    form.get_by_label("Label").fill("self")
    form.get_by_role("button").click()
    assert found() == ["8"]
    form.get_by_label("Label").fill("")
    form.get_by_label("Top token").fill("import")
    form.get_by_role("button").click()
    assert found() == ["9"]
    form.get_by_label("Top token").fill("")
    form.get_by_label("Show").select_option("dead")
    form.get_by_role("button").click()
    assert found() == ["11"]


def test_the_head_of_a_column_sorts_by_it_and_then_the_other_way_round(look: Watched):
    look.go("/sae/demo/mid?liveness=live")
    for order, wanted in (("descending", sorted), ("ascending", lambda values: sorted(values, reverse=True))):
        look.page.locator("#features thead").get_by_role("link", name="density").click()
        head = look.page.locator("#features th[aria-sort]")
        assert head.get_attribute("aria-sort") == order
        shown = [float(text) for text in look.page.locator("#features tbody tr td:nth-child(3)").all_inner_texts()]
        assert shown == wanted(shown)[::-1]
        assert len(set(shown)) > 5


def test_a_table_is_paged_through_and_back(look: Watched, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(feature_table, "PER_PAGE", 5)
    look.go("/sae/demo/mid?sort=density&order=descending")
    pages = look.page.get_by_label("Pages of features")
    found = [look.page.locator("#features tbody th").all_inner_texts()]
    while (onward := pages.get_by_role("link", name="next")).count():
        onward.click()
        look.page.wait_for_url(f"**page={len(found) + 1}*")
        found.append(look.page.locator("#features tbody th").all_inner_texts())
    assert [len(ids) for ids in found] == [5, 5, 2]
    assert sorted(int(id_) for ids in found for id_ in ids) == list(range(12)), "each feature stands on one page"
    pages.get_by_role("link", name="first").click()
    look.page.wait_for_url(lambda address: "page=3" not in address)
    assert look.page.locator("#features tbody th").all_inner_texts() == found[0]


def test_a_token_tells_its_activation_to_who_points_at_it(look: Watched, ask: Callable[..., Any]):
    look.go("/sae/demo/mid/0")
    [top] = ask(
        "select activation from example where recipe_id = 'mid' and feature_id = 0 and kind = 'top' and rank = 0"
    )
    token = look.page.locator("#examples .t.peak").first
    token.hover()
    assert token.inner_text() == WORDS[0]
    assert token.get_attribute("title") == f"{top.activation:.4g}"


def test_a_panel_stands_in_a_page_of_somebody_else_and_its_links_leave_the_frame(look: Watched):
    panel = f"{look.home}/sae/demo/mid/0?embed=similar_features"
    theirs = f"<h1>Theirs</h1><iframe src='{panel}' width=800 height=600></iframe>"
    with served(HTMLResponse(theirs)) as elsewhere:
        look.page.route(f"{elsewhere}/**", lambda route: route.continue_())
        look.page.goto(elsewhere)
        frame = look.page.frame_locator("iframe")
        frame.locator("h2").wait_for()
        assert frame.locator("h2").all_inner_texts() == ["Features like it"]
        assert frame.locator("header").count() == 0
        frame.get_by_role("link").first.click()
        look.page.wait_for_url(f"{look.home}/sae/demo/mid/1")


def test_two_features_are_typed_in_and_stand_side_by_side(look: Watched):
    look.go("/sae/demo/mid/3")
    look.page.get_by_role("link", name="compare", exact=True).click()
    assert look.page.locator("input[name=a]").input_value() == "demo/mid/3"
    look.page.locator("input[name=b]").fill("demo/late/4")
    look.page.get_by_role("button", name="Compare").click()
    left, right = (side.bounding_box() for side in look.page.locator(".sides > div").all())
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    assert look.page.locator(".sides h2 > a").all_inner_texts() == ["demo/mid/3", "demo/late/4"]


def test_a_number_leads_to_its_feature_and_a_wrong_one_to_a_sentence(look: Watched):
    look.go("/sae/demo/mid")
    look.page.locator("form.jump input").fill("7")
    look.page.keyboard.press("Enter")
    look.page.wait_for_url("**/sae/demo/mid/7")
    look.page.locator("form.jump input").fill("12")
    look.page.keyboard.press("Enter")
    look.page.wait_for_url("**/sae/demo/mid/12")
    assert "there is no feature 12" in look.page.locator(".problem").inner_text()
    look.page.get_by_role("link", name="feature 11").click()
    look.page.wait_for_url("**/sae/demo/mid/11")
    assert "never fired" in look.page.locator(".problem").inner_text()


def test_a_text_of_ones_own_is_typed_in_and_its_tokens_and_features_are_picked(look: Watched):
    page = look.page
    look.go("/sae/demo/mid")
    page.get_by_role("link", name="your own text").click()
    page.locator("textarea").fill("one two three")
    page.get_by_role("button", name="Read it").click()
    page.wait_for_url("**/model/demo/text?text=one+two+three&dictionary=mid")
    assert page.locator("#strongest h3").count() == 1, "the page of one dictionary is the model's, filtered"
    page.get_by_label("Read by").select_option("")
    page.get_by_role("button", name="Read it").click()
    page.wait_for_url("**/model/demo/text?text=one+two+three")
    assert page.locator("#strongest h3").count() == 2
    strip = page.get_by_role("group", name="Tokens of the text")
    strip.get_by_role("button", name="two").click()
    page.wait_for_url("**/model/demo/text?text=one+two+three&token=2#tokens")
    heads = page.locator("#token_features h3").all_inner_texts()
    assert [head.split(",")[0] for head in heads] == ["Layer 0", "Layer 1"]
    page.get_by_role("button", name="Show feature 0 of mid on the text").first.click()
    page.wait_for_url("**/model/demo/text?text=one+two+three&token=2&feature=mid%2F0#tokens")
    titles = [button.get_attribute("title") for button in strip.get_by_role("button").all()]
    assert titles == ["put around every context", "1", "2", "3"]
    assert page.locator("textarea").input_value() == "one two three"
    page.go_back()
    page.wait_for_url("**&token=2#tokens")
    for window in (DESK, PHONE):
        page.set_viewport_size(window)
        assert_fits_and_breaks_no_rule(look)


def test_a_chat_is_read_through_its_template(look: Watched):
    look.go("/model/demo/text")
    look.page.locator("textarea").fill("hello")
    look.page.get_by_label("as a user's turn").check()
    look.page.get_by_role("button", name="Read it").click()
    look.page.wait_for_url("**/model/demo/text?text=hello&chat=yes")
    assert "<user>" in look.page.get_by_role("group", name="Tokens of the text").inner_text()
    assert look.page.get_by_label("as a user's turn").is_checked()


class WaitingReader(EchoReader):
    """Reads when it is told to."""

    def __init__(self) -> None:
        self.go = Event()

    def read(self, model_id: str, text: str, recipe_ids: tuple[str, ...], is_chat: bool, report: Any) -> Any:
        report("the model thinks")
        assert self.go.wait(30)
        return super().read(model_id, text, recipe_ids, is_chat, report)


def test_a_text_that_waits_says_so_and_then_shows_what_was_found(browser: Any, warehouse: Path):
    reader = WaitingReader()
    with served(app(warehouse, reader)) as home, Watched.open(browser, home) as watched:
        page = watched.page
        page.goto(f"{home}/model/demo/text?text=one+two", wait_until="commit")
        page.get_by_text("the model thinks").wait_for()
        assert page.locator("h1").is_visible()
        with Watched.open(browser, home) as other:
            other.page.goto(f"{home}/model/demo/text?text=three", wait_until="commit")
            other.page.get_by_text("busy: 1 question of others before yours").wait_for()
            other.page.goto("about:blank")
        reader.go.set()
        page.locator("#strongest").wait_for()
        assert not page.get_by_text("the model thinks").is_visible()
        assert not watched.done


def test_a_label_of_ones_own_is_written_and_of_two_who_write_at_once_the_second_is_told(
    browser: Any, warehouse: Path, tmp_path: Path
):
    editor = RegistryLabelEditor(registry_of_the_warehouse(warehouse, tmp_path))
    with (
        served(RequestOrigin(app(warehouse, editor=editor))) as home,
        Watched.open(browser, home) as watched,
        Watched.open(browser, home, viewport=PHONE) as other,
    ):
        for each in (watched, other):
            each.go("/sae/demo/mid/3")
        _write_label(watched, "the word 'import'", "anna")
        watched.page.wait_for_url("**/sae/demo/mid/3#your_label")
        form = watched.page.locator("#your_label")
        assert "the word 'import'" in form.get_by_role("listitem").first.inner_text()
        assert "anna" in form.get_by_role("listitem").first.inner_text()
        assert_fits_and_breaks_no_rule(watched)
        assert not watched.done

        _write_label(other, "names of modules", "ben")
        other.page.get_by_role("alert").wait_for()
        assert other.page.get_by_label("What it means").input_value() == "names of modules"
        assert_fits_and_breaks_no_rule(other)
        _write_label(other, "names of modules", "ben")
        other.page.wait_for_url("**/sae/demo/mid/3#your_label")
        assert other.page.locator("#your_label").get_by_role("listitem").count() == 2


def _write_label(watched: Watched, text: str, author: str) -> None:
    watched.page.get_by_label("What it means").fill(text)
    watched.page.get_by_label("Author").fill(author)
    watched.page.get_by_role("button", name="Write it down").click()


def test_arrows_lead_to_the_next_feature_but_not_out_of_a_field(look: Watched):
    look.go("/sae/demo/mid/3")
    look.page.keyboard.press("ArrowRight")
    look.page.wait_for_url("**/mid/4")
    look.page.keyboard.press("ArrowLeft")
    look.page.wait_for_url("**/mid/3")
    look.page.get_by_label("Label or token").fill("r")
    look.page.keyboard.press("ArrowRight")
    look.page.keyboard.type("r")
    assert look.page.url.endswith("/mid/3")
    assert look.page.get_by_label("Label or token").input_value() == "rr"
    look.page.locator("h1").click()
    with look.page.expect_navigation(url=re.compile(r"/mid/\d+$")):  # by chance it is the same one
        look.page.keyboard.press("r")


@pytest.mark.parametrize("name", ["home", "sae", "feature", "compare"])
def test_tab_goes_from_the_skip_link_down_the_page_and_is_always_seen(look: Watched, name: str):
    look.go(PAGES[name])
    look.page.keyboard.press("Tab")
    first = look.page.evaluate(FOCUSED)
    assert first["name"] == "A To the page"
    assert first["seen"]
    for _ in range(60):
        look.page.keyboard.press("Tab")
        at = look.page.evaluate(FOCUSED)
        if at["body"]:
            break
        assert at["outlined"], f"nothing shows that {at['name']} is chosen"
        assert at["seen"], f"{at['name']} is chosen out of sight"
        assert at["in_order"], f"{at['name']} is chosen out of turn"


def test_the_skip_link_leads_past_the_head(look: Watched):
    look.go("/sae/demo/mid/0")
    look.page.keyboard.press("Tab")
    look.page.keyboard.press("Enter")
    look.page.keyboard.press("Tab")
    assert look.page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_pages_read_and_search_and_unfold_without_scripts(browser: Any, home: str):
    with Watched.open(browser, home, java_script_enabled=False) as watched:
        for name, address in PAGES.items():
            watched.go(address)
            assert watched.page.locator("main h1").is_visible(), name
        watched.go(PAGES["graph"])
        assert watched.page.locator("#paths").get_by_role("link", name="Function definitions").first.is_visible()
        assert watched.page.locator("#nodes tbody tr").count() == 9
        watched.go("/sae/demo/mid/0")
        watched.page.locator("#labels summary").last.click()
        assert watched.page.locator("#labels pre").first.is_visible()
        watched.page.get_by_label("Label or token").fill("self")
        watched.page.keyboard.press("Enter")
        watched.page.wait_for_url("**/search?text=self")
        assert watched.page.locator("#text_matches tbody tr").count() == 2
        assert not watched.done


def test_whole_windows_are_shown_without_a_script(browser: Any, warehouse: Path, home: str):
    with Watched.open(browser, home, java_script_enabled=False) as watched:
        watched.page.route("**/sae/demo/mid/0", _with_a_far_token)
        watched.go("/sae/demo/mid/0")
        far = watched.page.locator("#examples .far").first
        assert not far.is_visible()
        watched.page.get_by_label("whole windows").check()
        assert far.is_visible()
        assert not watched.done


def _with_a_far_token(route: Any) -> None:
    """The windows of the synthetic store are shorter than a snippet: one gets a piece beyond it."""
    answer = route.fetch()
    body = answer.text().replace('<div class="window">', '<div class="window"><span class="far">far</span>', 1)
    route.fulfill(response=answer, body=body)
