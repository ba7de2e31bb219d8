"""No text of a corpus, a language model or an address runs in a browser, not even with the policy of the pages off."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import synthetic_codes
import synthetic_store
from browser import EchoReader, Watched, chromium, served
from executing_texts import ELSEWHERE, MARK, TEXTS
from patched_synthetic_store import patch_synthetic_store

from sql.publish import publish
from web.app import app
from web.formatting import visible_text

pytestmark = pytest.mark.browser
IN_A_NAME = [text for text in TEXTS if "/" not in text and len(quote(text, safe="")) < 120][::7]
"""Texts that stand as ids of models and recipes: a slash would end the part of an address."""
ALIEN = r"""(mark) => {
    const found = [...document.querySelectorAll('*')].filter((element) =>
        [...element.attributes].some((a) => a.name.startsWith('on') || a.name === 'autofocus' || a.name === 'srcdoc'
            || (['href', 'src', 'action', 'formaction'].includes(a.name) && /^[^/?#]*:/.test(a.value)
                && !a.value.startsWith('http://127.0.0.1:3000/assets/sae?view=partitions&partition=')))
        || ['IFRAME', 'OBJECT', 'EMBED', 'IMG', 'STYLE'].includes(element.tagName)
        || (element.tagName === 'SCRIPT' && !/^\/static\/\w+\.js$/.test(element.getAttribute('src'))));
    return [...found.map((element) => element.outerHTML.slice(0, 200)), ...(mark in window ? ['a text ran'] : [])];
}"""
"""What no page has: handlers, frames, foreign scripts, addresses with a scheme, but for the one of Dagster's; and the
mark of a text that ran."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feature for each text: its token, its label, why it was rated, its document; and ids of models and recipes."""
    house = tmp_path_factory.mktemp("executing")
    example, explanation = synthetic_codes._example, synthetic_store._explanation

    def planted_example(sae_id: str, feature: int, *rest: Any) -> dict[str, Any]:
        return example(sae_id, feature, *rest) | {"document_id": TEXTS[feature]}

    def planted_explanation(sae_id: str, feature: int, explainer: str, label: str | None) -> dict[str, Any]:
        text = TEXTS[feature]
        named = {"llm": text, "prompt": text, "prompt_sha256": text, "request_id": text, "error": text}
        failed = {"label": None, "status": text} if feature % 5 == 1 else {"label": text, "status": "ok"}
        return explanation(sae_id, feature, explainer, label) | named | failed

    with pytest.MonkeyPatch.context() as patch:
        planted = {"_example": planted_example, "_explanation": planted_explanation}
        patch_synthetic_store(patch, WORDS=TEXTS, N_FEATURES=len(TEXTS) + 1, DEAD=len(TEXTS), **planted)
        store = synthetic_store.SyntheticStore(str(house))
        store.write_model("demo")
        store.write_sae("demo", "mid", codes=False)
        patch_synthetic_store(patch, N_FEATURES=3, DEAD=2)
        for text in IN_A_NAME:
            store.write_model(quote(text, safe=""))
            store.write_sae(quote(text, safe=""), quote(text, safe=""), codes=False)
    publish(house / "warehouse.duckdb", store.stored)
    return house / "warehouse.duckdb"


@pytest.fixture(scope="module")
def visit(browser: Any, planted: Path) -> Iterator[Watched]:
    """With the content security policy off: what is escaped wrongly would run."""
    with served(app(planted, EchoReader())) as home, Watched.open(browser, home, bypass_csp=True) as watched:
        yield watched


def held(visit: Watched, address: str) -> None:
    visit.go(address)
    assert not visit.page.evaluate(ALIEN, MARK), address
    assert not visit.done, address


def test_there_are_enough_texts_and_most_run_where_nothing_is_escaped(browser: Any, planted: Path):
    """The watch is not blind: shown raw, as markup or in an attribute, they run, ask for dialogs, or call out."""
    assert len(set(TEXTS)) == len(TEXTS) >= 100
    ran = 0
    with served(app(planted)) as home:
        for text in TEXTS:
            raw = f"<!doctype html><title>raw</title><p>{text}</p>"
            with Watched.open(browser, home, bypass_csp=True) as watched:
                watched.page.route(f"{home}/raw", partial(_answered, raw))
                watched.page.goto(f"{home}/raw", wait_until="domcontentloaded")
                watched.page.wait_for_timeout(50)
                ran += any(ELSEWHERE in done or "dialog" in done for done in watched.done)
    assert ran >= 80, f"{ran} of {len(TEXTS)} texts did anything at all"


def _answered(body: str, route: Any) -> None:
    route.fulfill(content_type="text/html", body=body)


def test_what_is_planted_in_the_warehouse_stays_text(visit: Watched):
    for page in range(1, 4):
        held(visit, f"/sae/demo/mid?page={page}")
    for feature in range(len(TEXTS) + 1):
        held(visit, f"/sae/demo/mid/{feature}")
    last = len(TEXTS) - 1
    held(visit, f"/compare?a=demo/mid/0&b=demo/mid/{last}")
    shown = visit.page.locator("#b-logits").inner_text()
    assert TEXTS[last].replace(" ", "·") in shown, "the text itself is read"


def test_ids_of_models_and_recipes_stay_text(visit: Watched):
    assert len(IN_A_NAME) >= 8
    held(visit, "/")
    assert visit.page.locator("#dictionaries tbody tr").count() == 1 + len(IN_A_NAME)
    for text in IN_A_NAME:
        name = quote(text, safe="")
        held(visit, f"/sae/{name}/{name}")
        heading = visit.page.locator("h1").text_content()
        assert heading == visible_text(f"{text}/{text}")
        assert heading.isprintable(), "what cannot be seen is made visible"
        held(visit, f"/sae/{name}/{name}/0")
        held(visit, f"/sae/{name}/{name}/9999")
        held(visit, f"/compare?{urlencode({'a': f'{text}/{text}/0', 'b': f'{text}/none/0'})}")


def test_what_is_typed_stays_text(visit: Watched):
    for text in TEXTS[::4]:
        visit.go("/model/demo/text")
        visit.page.locator("textarea").fill(text)
        visit.page.get_by_role("button", name="Read it").click()
        visit.page.locator("main .examples .t").first.wait_for()
        assert not visit.page.evaluate(ALIEN, MARK), text
        assert visit.page.locator("textarea").input_value() == text
        assert not visit.done, text


ADDRESSES = [
    "/search?text={}&examples=yes",
    "/sae/demo/mid?label={0}&token={0}&example={0}&sort={0}&liveness={0}&page={0}",
    "/compare?a={0}&b={0}",
    "/sae/{}/mid",
    "/sae/demo/mid/{}",
    "/sae/demo/mid/jump?feature={}",
    "/sae/demo/mid/0?embed={}",
    "/{}",
]


@pytest.mark.parametrize("first", range(len(ADDRESSES)), ids=ADDRESSES)
def test_what_an_address_says_stays_text(visit: Watched, first: int):
    """Every third text to each kind of address, another third to the next."""
    for text in TEXTS[first % 3 :: 3]:
        held(visit, ADDRESSES[first].format(quote(text, safe="")))


def test_the_policy_stops_a_text_that_would_run_all_the_same(browser: Any, planted: Path):
    with served(app(planted)) as home, Watched.open(browser, home) as watched:
        watched.go("/")
        for tag in ("script", "style"):
            watched.page.evaluate(
                "([tag, mark]) => { const made = document.createElement(tag); made.textContent = tag === 'script' ? "
                "`window.${mark} = 1` : '* { display: none }'; document.body.append(made); }",
                [tag, MARK],
            )
        watched.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.__ran=1>')")
        watched.page.wait_for_timeout(200)
        assert not watched.page.evaluate("(mark) => mark in window", MARK)
        assert watched.page.locator("h1").is_visible()
        assert sum("Content Security Policy" in done for done in watched.done) >= 3
