"""Statistics by several processes: a unit is one reading of a block of shards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from pipelines.launches.launch_order import LaunchOrder
from pipelines.launches.rank_work import Tell, require_identity
from pipelines.registry.registry import SAERegistration
from pipelines.store.open_store import OpenStore
from pipelines.store.statistics_making import statistics_identity, statistics_input

if TYPE_CHECKING:
    from models.features.statistics_blocks import Reading, StatisticsBlocks

IDENTITY = "feature_statistics"


@dataclass(frozen=True, slots=True)
class OneReading:
    """The blocks of one of the three readings."""

    blocks: "StatisticsBlocks"
    reading: "Reading"

    @property
    def n_units(self) -> int:
        return self.blocks.n_units

    def is_done(self, unit: int) -> bool:
        return self.blocks.is_done(self.reading, unit)

    def do(self, unit: int, report: Callable[[int, int], None]) -> None:
        self.blocks.do(self.reading, unit, report)


def statistics_blocks(store: OpenStore, registration: SAERegistration, order: LaunchOrder) -> "StatisticsBlocks":
    """The blocks of an order."""
    from models.features.statistics_blocks import StatisticsBlocks

    return StatisticsBlocks(
        statistics_input(store, registration, order.identities[IDENTITY]),
        registration.recipe.statistics,
        store.layout.table("feature_activation", registration),
        order.folder(store.layout) / "sums",
    )


def work(store: OpenStore, order: LaunchOrder, tell: Tell) -> OneReading:
    """The blocks of the order's reading."""
    registration = store.registration(order.keys[0])
    require_identity(order, IDENTITY, statistics_identity(store, registration))
    return OneReading(statistics_blocks(store, registration, order), cast("Reading", order.reading))
