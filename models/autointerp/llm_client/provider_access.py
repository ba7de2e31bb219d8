"""API endpoint, credentials and timeouts of a provider, as a value that another process can receive."""

import os
from dataclasses import dataclass
from typing import Self

from models.autointerp.config import ExplanationSettings
from models.autointerp.llm_client.prices import price_of


class MissingKey(ValueError):
    """The recipe asks an LLM and no API key is set. Set one, or choose the lexical explainer and judge."""


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
    poll_every: float = 30.0
    """Between looks at a batch that is being worked on."""

    @classmethod
    def from_environment(cls) -> Self:
        """The SDK's own variables."""
        said = os.environ.get
        return cls(
            said("ANTHROPIC_BASE_URL") or None, said("ANTHROPIC_API_KEY") or None, said("ANTHROPIC_AUTH_TOKEN") or None
        )


def check_access(settings: ExplanationSettings, access: ProviderAccess) -> None:
    """Whether the settings can be carried out, before any work is done.

    Raises:
        MissingKey: If an LLM is to be asked, there is money for it and no key in the environment.
        UnknownPrice: If the LLM has no price.
    """
    if not settings.asks_llm or settings.llm is None:
        return
    price_of(settings.llm)
    if settings.budget_usd and not (access.api_key or access.auth_token):
        raise MissingKey(
            f"explainer {settings.explainer!r} and judge {settings.judge!r} ask {settings.llm}, but ANTHROPIC_API_KEY "
            "is not set: set it, or write `explainer: lexical, judge: lexical` in the recipe"
        )
