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


class Rate(BaseModel, frozen=True, extra="forbid"):
    """US dollars per million tokens."""

    input: float
    output: float


class LongRate(Rate, frozen=True):
    """The rate of every token of a request whose prompt is longer than `above` tokens."""

    above: int


class Price(Rate, frozen=True):
    """What an LLM costs, and when that was last compared with the provider's page."""

    checked: date
    long: LongRate | None = None
    effort: Literal["low", "medium", "high"] | None = None

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """US dollars for one request."""
        rate = self.long if self.long is not None and input_tokens > self.long.above else self
        return (input_tokens * rate.input + output_tokens * rate.output) / 1e6


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
