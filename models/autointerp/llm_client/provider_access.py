"""API endpoint, credentials and timeouts of a provider, as a value that another process can receive."""

import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class ProviderAccess:
    """Address (null: the provider's own), credentials, and times in seconds."""

    base_url: str | None = None
    api_key: str | None = None
    auth_token: str | None = None
    timeout: float = 300.0
    first_delay: float = 0.5
    """Before the second attempt; doubled each time, up to `last_delay`, unless the server says how long to wait."""
    last_delay: float = 30.0
    longest_wait: float = 600.0
    """A server that asks to wait for longer has refused: the request fails, and says so."""
    poll_every: float = 30.0
    """Between looks at a batch that is being worked on."""

    @classmethod
    def from_environment(cls) -> Self:
        """The SDK's own variables."""
        said = os.environ.get
        return cls(
            said("ANTHROPIC_BASE_URL") or None, said("ANTHROPIC_API_KEY") or None, said("ANTHROPIC_AUTH_TOKEN") or None
        )
