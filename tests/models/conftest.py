"""A provider on this machine, found where the SDK looks for one."""

import pytest
from messages_server import KEY, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with serving() as running:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        yield running
