"""From the settings of a recipe to the provider's LLM that they name."""

from models.autointerp.config import ExplanationSettings
from models.autointerp.llm_client.prices import price_of
from models.autointerp.llm_client.provider_access import ProviderAccess
from models.autointerp.llm_client.request_queue import SpendingTerms
from models.autointerp.llm_client.runner import ProviderLLM
from models.autointerp.llm_client.sender_process import preload
from storage.folder import Folder


class MissingKey(ValueError):
    """A card asks an LLM and no API key is set. Set one, or name who asks nobody."""


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
            "is not set: set it, or ask nobody (`explainer: lexical, judge: lexical` in a recipe, `judge: none` of "
            "steering)"
        )


def provider_llm(
    settings: ExplanationSettings, ledger: Folder, payer: str, access: ProviderAccess | None = None
) -> ProviderLLM:
    """The LLM that the settings name, asked on the payer's account; raises as `check_access`."""
    access = access or ProviderAccess.from_environment()
    if settings.llm is None or settings.budget_usd is None:
        raise ValueError(f"llm={settings.llm!r}, budget_usd={settings.budget_usd!r}: asking an LLM takes both")
    check_access(settings, access)
    if settings.api_mode == "live":
        preload()
    terms = SpendingTerms(settings.llm, payer, price_of(settings.llm), settings.budget_usd, settings.concurrency)
    return ProviderLLM(terms, ledger, access, settings.api_mode == "batch")
