"""A provider on this machine, found where the SDK looks for one."""

from multiprocessing import forkserver, get_context

import pytest
from messages_server import KEY, serving

from models.autointerp.llm_client import runner, sender_process


@pytest.fixture(scope="session")
def forks() -> None:
    """Where senders, and runs that are killed, are forked from: it is started once, and has imported what both need."""
    get_context("forkserver").set_forkserver_preload([runner.__name__, *sender_process.PRELOADED])
    forkserver.ensure_running()


@pytest.fixture
def server(forks: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with serving() as running:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        yield running
