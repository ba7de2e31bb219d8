"""The pages on which a method is tried on one prompt, in a browser: form, answer, refusal, and a queue that is full."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any
from urllib.request import urlopen

import pytest
from browser import DESK, PHONE, Watched, assert_fits_and_breaks_no_rule, chromium, served
from experiment_house import experiment_house, write_model_row

from pipelines.experiments.experiment_run import run_experiment
from pipelines.serving.experiment_asker import ExperimentAsker
from pipelines.serving.model_hosts import ModelHosts
from pipelines.store.publication import publish_store
from web import app as web_app
from web.hand_questions import HandMethod, ShownAnswer
from web.model_queue import ModelQueue, Report

pytestmark = pytest.mark.browser
SCREENSHOTS = os.environ.get("GLASSHOUSE_SCREENSHOTS")
ASKED = "/model/m/ask/logit_lens"
STATES = {
    "form": ASKED,
    "result": f"{ASKED}?prompt=return+width&answer=+*",
    "refused": f"{ASKED}?prompt=return+width&answer=+qqqzzz",
    "patching": "/model/m/ask/activation_patching?clean=x+%3D+%5Ba%2C+b&corrupt=x+%3D+%28a%2C+b&answer=+*&foil=+width",
    "missing": "/model/m/ask/nothing",
}

SAID = {"refused": "is not one token behind the prompt"}
"""What a page says in the place of an answer."""

TABLES = {"result": 1, "patching": 5}
"""Of patching: the stream, attention, MLPs, heads, and how well approximations agree."""


class Held:
    """An asker that answers `wait` when it is let go."""

    def __init__(self, asker: ExperimentAsker) -> None:
        self.asker, self.began, self.go = asker, Event(), Event()

    def methods(self, model_id: str) -> Sequence[HandMethod]:
        return self.asker.methods(model_id)

    def ask(self, model_id: str, method: str, given: Mapping[str, str], report: Report) -> ShownAnswer:
        if given.get("prompt") == "wait":
            self.began.set()
            assert self.go.wait(60)
        return self.asker.ask(model_id, method, given, report)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Held]]:
    """Pages whose queue has room for nobody beside the question that is worked on."""
    store = experiment_house(tmp_path_factory.mktemp("house"), {"method": "logit_lens"}, [{"prompt": "return width"}])
    run_experiment(store, store.experiment("m/asked"))
    write_model_row(store)
    publish_store(store)
    asker = Held(ExperimentAsker(ModelHosts(store)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(web_app, "ModelQueue", lambda: ModelQueue(most_waiting=0))
        answering = web_app.app(Path(store.published), asker=asker)
    with served(answering) as address:
        yield address, asker


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", ["desk", "phone"])
@pytest.mark.parametrize("name", STATES)
def test_every_state_fits_its_window_and_breaks_no_rule_of_access(
    browser: Any, held: tuple[str, Held], tmp_path: Path, name: str, width: str, scheme: str
):
    viewport = DESK if width == "desk" else PHONE
    with Watched.open(browser, held[0], color_scheme=scheme, viewport=viewport) as watched:
        watched.go(STATES[name])
        folder = Path(SCREENSHOTS) if SCREENSHOTS else tmp_path
        watched.page.screenshot(path=folder / f"ask-{name}-{scheme}-{width}.png", full_page=True)
        said = [each.inner_text() for each in watched.page.get_by_role("status").all()]
        assert SAID.get(name, "") in " ".join(said)
        assert bool(said) == (name in SAID)
        assert watched.page.get_by_role("table").count() == TABLES.get(name, 0)
        assert_fits_and_breaks_no_rule(watched)
        assert not watched.done


def test_a_person_types_a_prompt_and_is_shown_an_answer_with_its_cards(browser: Any, held: tuple[str, Held]):
    with Watched.open(browser, held[0]) as watched:
        watched.go(ASKED)
        page = watched.page
        page.get_by_role("button", name="Ask").click()
        assert page.url == held[0] + ASKED, "a form that wants a prompt is not sent without one"
        page.get_by_label("prompt").fill("return width")
        page.get_by_text("Settings").click()
        page.get_by_label("top_tokens", exact=False).first.fill("0")
        page.get_by_role("button", name="Ask").click()
        page.get_by_role("status").get_by_text("wanted a whole number from 1 to 100").wait_for()
        page.get_by_label("top_tokens", exact=False).first.fill("2")
        page.get_by_role("button", name="Ask").click()
        page.get_by_text("As a card, to repeat it on many prompts").click()
        assert "top_tokens: 2" in page.locator("pre").last.inner_text()
        assert page.get_by_role("textbox", name="prompt").input_value() == "return width"
        assert not watched.done


def test_who_comes_when_the_queue_is_full_is_told_so(browser: Any, held: tuple[str, Held], tmp_path: Path):
    address, asker = held
    with ThreadPoolExecutor(1) as before, Watched.open(browser, address, viewport=PHONE) as watched:
        first = before.submit(lambda: urlopen(f"{address}{ASKED}?prompt=wait").status)
        try:
            assert asker.began.wait(60)
            answer = watched.go(f"{ASKED}?prompt=return")
            assert answer.status == 503
            assert "send it again in a while" in watched.page.inner_text("main")
            folder = Path(SCREENSHOTS) if SCREENSHOTS else tmp_path
            watched.page.screenshot(path=folder / "ask-busy-light-phone.png", full_page=True)
            assert_fits_and_breaks_no_rule(watched)
        finally:
            asker.go.set()
        assert first.result(60) == 200
        assert watched.go(f"{ASKED}?prompt=return").status == 200
