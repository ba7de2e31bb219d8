"""A limit on spending that holds at every moment: money is set aside before a request is sent and settled after."""

import asyncio


class Budget:
    """At no time do spent and reserved dollars together exceed the limit.

    What a request will cost is not known when it is sent, so its worst case is reserved. A request that does not fit
    waits while others are under way, because they settle for less than they reserved; it is refused once what is spent
    leaves no room.
    """

    def __init__(self, limit_usd: float, spent_usd: float = 0.0):
        self.limit_usd = limit_usd
        self.spent_usd = spent_usd
        self.reserved_usd = 0.0
        self._settled = asyncio.Condition()

    def fits(self, usd: float) -> bool:
        """Whether there is room at this moment."""
        return self.spent_usd + self.reserved_usd + usd <= self.limit_usd

    async def reserve(self, usd: float) -> bool:
        """Sets money aside; False, and nothing is, where the budget has no room for it."""
        async with self._settled:
            await self._settled.wait_for(lambda: self.fits(usd) or self.spent_usd + usd > self.limit_usd)
            if not self.fits(usd):
                return False
            self.reserved_usd += usd
            return True

    def refusal(self, usd: float) -> str:
        """Why so much is not reserved, as a sentence."""
        return f"may cost up to ${usd:.4f}, and ${self.spent_usd:.4f} of the budget of ${self.limit_usd:.4f} are spent"

    async def settle(self, reserved_usd: float, cost_usd: float) -> None:
        """Gives a reservation back and counts what was spent of it."""
        async with self._settled:
            self.reserved_usd -= reserved_usd
            if self.reserved_usd < 1e-9:
                self.reserved_usd = (
                    0.0  # nothing is under way: what is left are rounding errors, and a waiter must not wait on them
                )
            self.spent_usd += cost_usd
            self._settled.notify_all()
