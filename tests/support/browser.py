"""A Chromium and served pages, for tests that look at them as people do."""

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@contextmanager
def chromium() -> Iterator[Any]:
    """The system's browser, driven by Playwright; the test is skipped where there is neither."""
    driver = pytest.importorskip("playwright.sync_api", reason="no Playwright here: .venv/bin/pip install -e '.[dev]'")
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install the system's package `chromium`")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def served(answering: ASGIApp) -> Iterator[str]:
    """An application on a port of its own, as an address without a slash at its end."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(answering, log_level="warning", lifespan="off"))
        thread = Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server ended before it had begun"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=30)


@dataclass(frozen=True)
class EchoToken:
    text: str
    is_text: bool = True
    left_out: str = ""


@dataclass(frozen=True)
class EchoDictionary:
    """A dictionary whose feature 0 fires on every token that is read, harder and harder."""

    recipe_id: str
    layer: int
    activations: list[tuple[int, int, float]]
    refused: str = ""
    outliers: tuple[int, ...] = ()
    norm_limit: float | None = None

    @property
    def site(self) -> str:
        return f"resid_post.{self.layer}"


@dataclass(frozen=True)
class Echo:
    """A reading in which each word is a token, after one that is left out."""

    tokens: list[EchoToken]
    dictionaries: list[EchoDictionary]
    notes: tuple[str, ...] = ()


class EchoReader:
    """Stands in for a model that is at hand; `no` is refused."""

    def read(
        self, model_id: str, text: str, recipe_ids: tuple[str, ...], is_chat: bool, report: Callable[[str], None]
    ) -> Echo:
        report("the words are counted")
        if text == "no":
            raise ValueError("because <b>no</b>")
        words = [*(["<user>"] if is_chat else []), *text.split(" ")]
        tokens = [EchoToken("<|bos|>", False, "put around every context"), *(EchoToken(f"{word} ") for word in words)]
        fires = [(place, 0, float(place)) for place in range(1, len(tokens))]
        return Echo(tokens, [EchoDictionary(recipe_id, layer, fires) for layer, recipe_id in enumerate(recipe_ids)])

    def has_chat_template(self, model_id: str) -> bool:
        return True


@dataclass(frozen=True)
class East:
    """A meaning in the two dimensions of the synthetic store's encoder."""

    vector: tuple[float, ...] = (1.0, 0.0)
    source: str = "north/compass"
    encoder: str = "compass"


class Compass:
    """Stands in for an encoder that is at hand; `nowhere` cannot be read, and `<elsewhere>` is read by another."""

    def of(self, text: str) -> East:
        if text == "nowhere":
            raise ValueError("there is <b>no</b> way there")
        return East(encoder="map") if text == "<elsewhere>" else East()


@dataclass
class Watched:
    """A page of a context of its own, and whatever it did that a page of text must not do."""

    page: Any
    home: str
    done: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def open(cls, browser: Any, home: str, **settings: Any) -> "Iterator[Watched]":
        """Nothing leaves the machine: a request to elsewhere is noted, and aborted."""
        context = browser.new_context(**{"viewport": DESK, **settings})
        watched = cls(context.new_page(), home)
        context.route("**/*", watched._asked)
        context.on("page", lambda _: watched.done.append("a window was opened"))
        watched.page.on("dialog", watched._asked_the_reader)
        watched.page.on("pageerror", lambda error: watched.done.append(f"error: {error}"))
        watched.page.on("console", watched._said)
        yield watched
        context.close()

    def go(self, address: str) -> Any:
        """Opens an address of the house."""
        return self.page.goto(self.home + address)

    def _asked(self, route: Any) -> None:
        if route.request.url.startswith(f"{self.home}/"):
            route.continue_()
        else:
            self.done.append(f"asked for {route.request.url}")
            route.abort()

    def _asked_the_reader(self, dialog: Any) -> None:
        self.done.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _said(self, message: Any) -> None:
        if message.type == "error" and "status of 404" not in message.text:
            self.done.append(f"console: {message.text}")


def assert_fits_and_breaks_no_rule(watched: Watched) -> None:
    """axe-core's rules, with everything that folds out unfolded; less than serious is left to the eye."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe here: pip install -e '.[dev]'")
    page = watched.page
    assert page.locator("h1").count() == 1
    page.evaluate("document.querySelectorAll('details').forEach(found => { found.open = true; })")
    wide, room = page.evaluate("document.documentElement.scrollWidth"), page.viewport_size["width"]
    assert wide <= room, f"{page.url} is {wide} pixels wide in {room}"
    grave = [
        f"{rule['id']}: {node['html']} {node['failureSummary']}"
        for rule in axe.Axe().run(page).response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert not grave, "\n".join(grave)
