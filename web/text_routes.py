"""The page of a reader's own text: asked for by an address, computed in the queue of the models, sent as it comes.

While a question waits, the page says where it stands: its head is sent at once, a sentence at each change, and the
rest when there is an answer. A client that leaves gives its place back.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from difflib import get_close_matches
from threading import Lock
from typing import Any

import anyio.to_thread
from anyio import CapacityLimiter
from cachetools import LRUCache
from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from web.error_pages import NotFound, problem
from web.formatting import visible_text
from web.model_queue import Busy, HasLeft, ModelQueue, Report, Ticket
from web.page_rendering import latest_warehouse
from web.panel_templates import environment, panels
from web.query_files import queries
from web.request_body import TooLong, read_form
from web.request_origin import is_for_another_site
from web.snippets import Snippets
from web.text_address import MOST_BYTES, MOST_CHARACTERS, TextAddress, WrongTextAddress, fits_address
from web.text_reading import Reader, Reading
from web.urls import model_url, replace_invalid_unicode, text_url
from web.warehouse_file import WarehouseSnapshot

READINGS = 16
"""Readings that are remembered: who picks tokens and features of a text waits for the model once."""
_REST = "<!-- the rest -->"
"""Where the page of a text that is being read is cut; what a reader types is escaped."""
_HEADERS = {"cache-control": "no-store"}


class TextPages:
    """What the pages of texts share: the reader, its queue, and what was lately read and typed."""

    def __init__(self, reader: Reader | None, queue: ModelQueue, snippets: Snippets) -> None:
        self.reader, self.queue, self.snippets = reader, queue, snippets
        self._readings: LRUCache[Any, Reading] = LRUCache(READINGS)
        self._lock = Lock()
        self._rendering = CapacityLimiter(1)

    def reading(self, key: Any) -> Reading | None:
        """What was lately read."""
        with self._lock:
            return self._readings.get(key)

    def remember(self, key: Any, reading: Reading) -> None:
        with self._lock:
            self._readings[key] = reading

    async def render(self, render: Callable[..., str], *args: Any) -> str:
        """A page of a text, made in one thread: it has a thousand pieces, and other pages are not to wait for it."""
        return await anyio.to_thread.run_sync(render, *args, limiter=self._rendering)

    def has_chat_template(self, model_id: str) -> bool:
        """Whether the page offers it."""
        try:
            return self.reader is not None and self.reader.has_chat_template(model_id)
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class _TextPage:
    """One page: what its address asks for, in one warehouse."""

    pages: TextPages
    snapshot: WarehouseSnapshot
    recipe_ids: tuple[str, ...]
    asked: TextAddress

    @property
    def key(self) -> Any:
        """What a reading depends on."""
        asked = self.asked
        return self.snapshot.stamp, asked.model_id, asked.text, asked.recipe_id, asked.is_chat

    def work(self, report: Report) -> Reading:
        """Reads the text, unless another did so while this question waited."""
        if (found := self.pages.reading(self.key)) is not None:
            return found
        reader, asked = self.pages.reader, self.asked
        assert reader is not None
        recipe_ids = (asked.recipe_id,) if asked.recipe_id else self.recipe_ids
        found = reader.read(asked.model_id, asked.text, recipe_ids, asked.is_chat, report)
        self.pages.remember(self.key, found)
        return found

    def html(self, reading: Reading | None, refused: str = "", *, is_waiting: bool = False) -> str:
        """The whole page."""
        asked = self.asked
        shared = self._shared(reading, refused)
        return (
            environment()
            .get_template("text.html")
            .render(
                panels=panels("text", self.snapshot, self._values, **shared),
                published_at=self.snapshot.published_at,
                embedded=False,
                heading=f"Your own text under {asked.model_id}",
                trail=[(asked.model_id, model_url(asked.model_id))],
                rest=Markup(_REST) if is_waiting else "",
            )
        )

    def rest(self, reading: Reading) -> str:
        """What a page lacks whose head was sent while it waited."""
        shared = self._shared(reading, "")
        found = [panel for panel in panels("text", self.snapshot, self._values, **shared) if panel.name != "form"]
        return environment().get_template("text_rest.html").render(panels=found, notes=reading.notes)

    @property
    def _values(self) -> dict[str, Any]:
        return {"model_id": self.asked.model_id}

    def _shared(self, reading: Reading | None, refused: str) -> dict[str, Any]:
        asked, snippets = self.asked, self.pages.snippets
        if reading is not None and asked.token is not None and asked.token >= len(reading.tokens):
            asked = replace(asked, token=None)
        return {
            "asked": asked,
            "recipe_ids": self.recipe_ids,
            "reading": reading,
            "refused": refused,
            "chat_offered": asked.is_chat or self.pages.has_chat_template(asked.model_id),
            "forgotten_later": bool(asked.snippet) and not snippets.is_kept(asked.snippet),
            "keeps_texts": snippets.folder is not None,
            "most_characters": MOST_CHARACTERS,
        }


async def text(request: Request) -> Response:
    """A text under the dictionaries of a model: a form, and what the models say to what was typed."""
    page = await run_in_threadpool(_asked, request, dict(request.query_params))
    if isinstance(page, Response):
        return page
    refused = _refused(request, page)
    if refused is not None:
        return await _html(page, None, refused)
    if (known := page.pages.reading(page.key)) is not None:
        return await _html(page, known)
    try:
        ticket = page.pages.queue.join(page.work)
    except Busy as error:
        return _busy(error)
    head, _, tail = (await run_in_threadpool(page.html, None, is_waiting=True)).partition(_REST)
    return StreamingResponse(_as_it_comes(request, page, ticket, head, tail), media_type="text/html", headers=_HEADERS)


def _refused(request: Request, page: _TextPage) -> str | None:
    """Why nothing is read; empty where there is nothing to read, None where the text is to be read."""
    if not page.asked.text and not page.asked.is_chat:
        return ""
    if page.pages.reader is None:
        return "these pages were started without anything that runs models: start them with `glasshouse serve`"
    if is_for_another_site(request):
        return "another site asked for this text to be read: press Read it if you want it"
    return None


async def _as_it_comes(
    request: Request, page: _TextPage, ticket: Ticket[Reading], head: str, tail: str
) -> AsyncIterator[str]:
    yield head
    try:
        async with aclosing(page.pages.queue.progress(ticket, request.is_disconnected)) as stages:
            async for stage in stages:
                yield f'<p class="progress" role="status">{escape(visible_text(stage))}</p>\n'
        yield await page.pages.render(page.rest, ticket.answer.result())
    except HasLeft:
        return
    except ValueError as error:
        yield _problem(str(error))
    except Exception as error:
        yield _problem(f"the text could not be read ({type(error).__name__}): the server's log has the reason") + tail
        raise
    yield tail


def _problem(sentence: str) -> str:
    return f'<p class="problem" role="status">{escape(visible_text(sentence, 1000))}</p>\n'


async def send_text(request: Request) -> Response:
    """Where the form leads: to the address of the text, or of its hash where it is too long for one."""
    try:
        fields = await read_form(request, MOST_BYTES)
    except (ClientDisconnect, TimeoutError):
        return problem(408, "the text did not arrive: send it again")
    except TooLong as error:
        return problem(413, f"{error} (a text has {MOST_CHARACTERS:,} characters at most)")
    page = await run_in_threadpool(_asked, request, fields)
    if isinstance(page, Response):
        return page
    asked = page.asked
    if not fits_address(asked.text):
        asked = replace(asked, snippet=await run_in_threadpool(page.pages.snippets.keep, asked.text))
    return RedirectResponse(asked.url, status_code=303, headers=_HEADERS)


async def _html(page: _TextPage, reading: Reading | None, refused: str = "") -> Response:
    return HTMLResponse(await page.pages.render(page.html, reading, refused), headers=_HEADERS)


def _busy(error: Busy) -> Response:
    answer = problem(503, str(error))
    answer.headers["retry-after"] = "10"
    return answer


def _asked(request: Request, fields: dict[str, str]) -> _TextPage | Response:
    """The page that an address or a form asks for, or the page of what is wrong with it."""
    snapshot, pages = latest_warehouse(request).get(), request.app.state.text_pages
    model_id = replace_invalid_unicode(request.path_params["model_id"])
    saes = snapshot.ask(queries()["saes"], {})
    n_features = {row.recipe_id: row.n_features for row in saes if row.model_id == model_id}
    if not n_features:
        models = list(dict.fromkeys(row.model_id for row in saes))
        similar = get_close_matches(model_id[:200], models, n=5, cutoff=0.3) or models[:5]
        raise NotFound(
            f"there is no model {visible_text(model_id)} with a dictionary in this warehouse",
            [(name, text_url(name)) for name in similar],
        )
    try:
        asked = TextAddress.of(model_id, fields, pages.snippets)
    except WrongTextAddress as error:
        return problem(error.status, str(error), [("another text", text_url(model_id))])
    if asked.feature is not None and asked.feature[1] >= n_features.get(asked.feature[0], 0):
        raise NotFound(
            f"{visible_text(model_id)} has no feature {visible_text('/'.join(map(str, asked.feature)))}",
            [("the text", replace(asked, feature=None).url)],
        )
    if asked.recipe_id and asked.recipe_id not in n_features:
        raise NotFound(
            f"{visible_text(model_id)} has no dictionary {visible_text(asked.recipe_id)}",
            [(name, text_url(model_id, name)) for name in list(n_features)[:10]],
        )
    if not asked.snippet and asked.text and not fits_address(asked.text):
        asked = replace(asked, snippet=pages.snippets.add(asked.text))
    return _TextPage(pages, snapshot, tuple(n_features), asked)
