"""A process of its own that asks a provider, so that killing the one that wants the answers loses none of them.

The run that labels writes its questions to a socket and reads the answers from it, each a line of JSON. When the run
dies, its end closes: the sender begins no more attempts, waits for those under way, stores what was paid for, and
ends. The next run waits for that, finds the answers in the ledger and asks nothing twice. Were the sender killed as
well, what was under way is asked again, and counted as spent twice.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from multiprocessing import forkserver, get_context
from typing import Any

from models.autointerp.llm_client.messages_client import KeyRefused, Provider, UnknownLLM
from models.autointerp.llm_client.provider_access import ProviderAccess
from models.autointerp.llm_client.request import Request
from models.autointerp.llm_client.request_ledger import DamagedLedger, LedgerAnswer, RequestLedger
from models.autointerp.llm_client.request_queue import ProviderDown, RequestQueue, SpendingTerms
from storage.folder import Folder
from storage.process_lock import LockTimeout, process_lock
from storage.unwritable import Unwritable


class BatchesOutstanding(ValueError):
    """Questions of this payer are with the provider in batches: they are fetched before anything is asked alone."""


_KINDS = (KeyRefused, UnknownLLM, ProviderDown, LockTimeout, DamagedLedger, BatchesOutstanding, Unwritable)
STOPS = {kind.__name__: kind for kind in _KINDS}
"""Errors that end the whole stage, by the names under which they are told."""


class SenderDied(ValueError):
    """The process that asks the provider ended by itself. What was answered is kept; materialize again."""


PRELOADED = (__name__, "anthropic", "httpcore2", "h11", "anyio._backends._asyncio")
"""What every sender needs: the SDK takes seconds to import, once, and imports its transport at the first question."""
LONGEST_LINE = 2**27
"""Bytes of a question or an answer at most."""


class SenderConnection:
    """A line whose other end is in the sender's process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader, self._writer = reader, writer
        self._waiting: dict[int, asyncio.Future[LedgerAnswer]] = {}
        self._asked = 0
        self._stopped: Exception | None = None
        self._hearing = asyncio.create_task(self._hear())

    async def ask(self, request: Request) -> LedgerAnswer:
        """As `RequestQueue.ask`."""
        if self._stopped:
            raise self._stopped
        self._asked += 1
        future = self._waiting[self._asked] = asyncio.get_running_loop().create_future()
        await send_message(self._writer, {"number": self._asked, "purpose": request.purpose, "body": request.body})
        return await future

    async def _hear(self) -> None:
        """Hears answers; the end of the stream, too, is an answer."""
        while (said := await read_message(self._reader)) is not None:
            if stop := said.get("stop"):
                self._stop(STOPS.get(stop["kind"], SenderDied)(stop["message"]))
            elif future := self._waiting.pop(said["number"], None):
                future.set_result(LedgerAnswer(**said["answer"]))
        self._stop(_died())

    def _stop(self, why: Exception) -> None:
        self._stopped = self._stopped or why
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(self._stopped)
        self._waiting.clear()

    async def close(self) -> None:
        """No more questions: the sender ends what is under way, then itself."""
        with suppress(OSError):
            self._writer.write_eof()
        await self._hearing
        self._writer.close()


def _died() -> SenderDied:
    return SenderDied(
        "the process that asks the provider ended (killed, or out of memory): what was answered is kept. Materialize "
        "again; what was under way is asked again and counted against the budget as if it had cost the most it can"
    )


def preload() -> None:
    """Begins to import what every sender needs."""
    get_context("forkserver").set_forkserver_preload(list(PRELOADED))
    forkserver.ensure_running()


@asynccontextmanager
async def sending(folder: Folder, terms: SpendingTerms, access: ProviderAccess) -> AsyncIterator[SenderConnection]:
    """A sender for as long as the block lasts."""
    preload()
    ours, theirs = socket.socketpair()
    url = folder.path if folder.is_local else folder.url  # the server of forks may have been started elsewhere
    process = get_context("forkserver").Process(target=_send, args=(theirs, url, terms, access))
    process.start()
    theirs.close()
    remote = SenderConnection(*await asyncio.open_connection(sock=ours, limit=LONGEST_LINE))
    try:
        yield remote
    finally:
        await remote.close()
        await asyncio.to_thread(process.join, access.timeout)


def _send(ours: socket.socket, url: str, terms: SpendingTerms, access: ProviderAccess) -> None:
    """The sender's life."""
    os.setsid()  # a terminal's Ctrl-C is for the run, which then closes its end
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    asyncio.run(_serve(ours, Folder(url), terms, access))


async def _serve(ours: socket.socket, folder: Folder, terms: SpendingTerms, access: ProviderAccess) -> None:
    reader, writer = await asyncio.open_connection(sock=ours, limit=LONGEST_LINE)
    try:
        with process_lock(folder.url, access.timeout):
            ledger = RequestLedger.open(folder)
            if any(batch.payer == terms.payer for batch in ledger.batches.values()):
                raise BatchesOutstanding
            async with Provider(access) as provider:
                await _answer_all(reader, writer, RequestQueue(provider, ledger, terms, access), access.timeout)
    except _KINDS as error:
        await send_message(writer, {"stop": {"kind": type(error).__name__, "message": str(error)}})
    finally:
        writer.close()


async def _answer_all(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: RequestQueue, timeout: float
) -> None:
    """Answers until nobody asks any more, and what is under way then."""
    under_way: set[asyncio.Task[None]] = set()
    while (said := await read_message(reader)) is not None:
        task = asyncio.create_task(_answer(writer, line, said))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    line.closing.set()
    if under_way:
        await asyncio.wait(under_way, timeout=timeout)


async def _answer(writer: asyncio.StreamWriter, line: RequestQueue, said: dict[str, Any]) -> None:
    try:
        answer = await line.ask(Request(said["purpose"], said["body"]))
        await send_message(writer, {"number": said["number"], "answer": asdict(answer)})
    except _KINDS as error:
        line.closing.set()
        await send_message(writer, {"stop": {"kind": type(error).__name__, "message": str(error)}})
    except Exception as error:
        line.closing.set()
        traceback.print_exc(file=sys.stderr)
        await send_message(
            writer, {"stop": {"kind": "", "message": f"the process that asks the provider failed: {error!r}"}}
        )


async def read_message(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    try:
        line = await reader.readline()
    except OSError:
        return None
    return json.loads(line) if line.endswith(b"\n") else None


async def send_message(writer: asyncio.StreamWriter, said: dict[str, Any]) -> None:
    """To somebody who may have died meanwhile."""
    if writer.is_closing():
        return
    with suppress(OSError):
        writer.write(json.dumps(said).encode() + b"\n")
        await writer.drain()
