"""What a request to an LLM costs, from the one dated table in prices.yaml."""

import re
from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel

TABLE = Path(__file__).with_name("prices.yaml")


class UnknownPrice(ValueError):
    """The LLM has no row in the price table. Add one, or name an LLM that has."""


class PricePerMillion(BaseModel, frozen=True, extra="forbid"):
    """US dollars per million tokens."""

    input: float
    output: float


class LongRate(PricePerMillion, frozen=True):
    """The rate of every token of a request whose prompt is longer than `above` tokens."""

    above: int


CACHE_WRITE, CACHE_READ = 1.25, 0.1
"""What a token costs that the provider keeps for five minutes, and one that it still has, in prices of a fresh one."""
BATCHED = 0.5
"""What a request costs in a batch, as a share of its price alone."""


class Price(PricePerMillion, frozen=True):
    """What an LLM costs, and when that was last compared with the provider's page."""

    checked: date
    long: LongRate | None = None
    effort: Literal["low", "medium", "high"] | None = None
    cached_from: int
    """Tokens that the beginning of a prompt must have before the provider keeps it for the next requests."""

    def cost(
        self,
        input_tokens: int,
        output_tokens: int,
        cache_write_tokens: int = 0,
        cache_read_tokens: int = 0,
        *,
        batched: bool = False,
    ) -> float:
        """US dollars for one request."""
        prompt = input_tokens + cache_write_tokens + cache_read_tokens
        rate = self.long if self.long is not None and prompt > self.long.above else self
        read = input_tokens + CACHE_WRITE * cache_write_tokens + CACHE_READ * cache_read_tokens
        return (read * rate.input + output_tokens * rate.output) / 1e6 * (BATCHED if batched else 1)


FREE = Price(input=0, output=0, checked=date(2026, 11, 21), cached_from=10**9)
"""Of what runs on this machine."""


def price_of(llm: str) -> Price:
    """The price of an LLM by the provider's name for it; a date at its end is not looked at.

    Raises:
        UnknownPrice: Naming the LLMs that have a price.
    """
    rows = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    row = rows.get(llm) or rows.get(re.sub(r"-20\d{6}$", "", llm))
    if row is None:
        raise UnknownPrice(
            f"llm {llm!r} has no price in {TABLE.name}, so no budget can be kept: add its row or name one of "
            f"{', '.join(sorted(rows))}"
        )
    return Price(**row)
