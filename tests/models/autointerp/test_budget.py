"""Spent and reserved dollars together never exceed the limit, whatever comes first; and nothing waits for ever."""

import asyncio
import random

import pytest

from models.autointerp.llm_client.budget import Budget
from models.autointerp.llm_client.prices import TABLE, UnknownPrice, price_of
from models.autointerp.llm_client.request import Request


class Watched(Budget):
    """A budget that remembers how full it ever was."""

    fullest = 0.0

    async def reserve(self, usd: float) -> bool:
        allowed = await super().reserve(usd)
        self.fullest = max(self.fullest, self.spent_usd + self.reserved_usd)
        return allowed


@pytest.mark.parametrize("seed", range(20))
def test_a_crowd_of_requests_never_exceeds_the_limit_and_uses_it(seed: int):
    draw = random.Random(seed)
    budget = Watched(1.0)
    costs = [draw.uniform(0.0, 0.05) for _ in range(200)]

    async def ask(cost: float) -> bool:
        if not await budget.reserve(0.05):
            return False
        await asyncio.sleep(0)
        await budget.settle(0.05, cost)
        return True

    async def crowd() -> list[bool]:
        return await asyncio.wait_for(asyncio.gather(*(ask(cost) for cost in costs)), timeout=5)

    asked = asyncio.run(crowd())
    assert budget.fullest <= 1.0
    assert budget.spent_usd == pytest.approx(sum(cost for cost, sent in zip(costs, asked, strict=True) if sent))
    assert budget.spent_usd > 0.95, f"only ${budget.spent_usd:.3f} of $1 was used"
    assert budget.reserved_usd == 0


def test_what_was_spent_before_counts():
    budget = Budget(1.0, spent_usd=0.95)
    assert not asyncio.run(budget.reserve(0.06))
    assert asyncio.run(budget.reserve(0.05))


def test_nothing_fits_into_a_budget_of_nothing():
    assert not asyncio.run(Budget(0.0).reserve(1e-9))


def test_one_that_does_not_fit_waits_for_those_under_way():
    async def story() -> list[str]:
        budget, told = Budget(1.0), []
        assert await budget.reserve(0.8)

        async def second() -> None:
            assert await budget.reserve(0.5)
            told.append("second")

        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.01)
        told.append("first settles")
        await budget.settle(0.8, 0.1)
        await asyncio.wait_for(waiting, timeout=1)
        return told

    assert asyncio.run(story()) == ["first settles", "second"]


def test_prices_are_dollars_per_million_tokens_and_a_dated_name_has_its_own():
    assert price_of("claude-haiku-4-5").cost(1_000_000, 1_000_000) == 6.0
    assert price_of("claude-haiku-4-5-20251001") == price_of("claude-haiku-4-5")
    assert price_of("claude-haiku-5-5").cost(100_000, 1000) == pytest.approx(0.0105)
    assert price_of("claude-haiku-5-5").cost(100_001, 1000) == pytest.approx(0.0525, rel=1e-4)
    with pytest.raises(UnknownPrice, match=r"llm 'gpt' has no price in prices.yaml.*claude-haiku-4-5"):
        price_of("gpt")


def test_every_row_of_the_price_table_is_dated_and_dearer_out_than_in():
    import yaml

    for llm in yaml.safe_load(TABLE.read_text()):
        price = price_of(llm)
        assert price.output > price.input > 0
        assert price.checked.year >= 2026


def test_the_worst_case_covers_any_answer():
    request = Request.structured("explain", "claude-haiku-4-5", "system", "é" * 1000, {"type": "object"}, 500)
    price = price_of("claude-haiku-4-5")
    assert request.worst_usd(price) >= price.cost(2000, 500), "each byte of the text may be a token"
