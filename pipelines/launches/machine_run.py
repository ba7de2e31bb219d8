"""Which machine a run of Dagster is for, and its stages done there: what assets call where work can be shared."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from pipelines.dagster_support.json_log import PROCESS
from pipelines.dagster_support.progress import Progress
from pipelines.launchers.machine_card import MachineCard
from pipelines.launches.launch_order import LaunchOrder
from pipelines.launches.stages.activations import shared_harvest
from pipelines.launches.stages.feature_statistics import IDENTITY, statistics_blocks
from pipelines.launches.stages.sweep import dictionaries
from pipelines.launches.watched_launch import WatchedLaunch, work_folder
from pipelines.registry.registry import SAERegistration
from pipelines.store import build_dictionary
from pipelines.store.open_store import OpenStore
from storage.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.features.feature_statistics import FeatureTables
    from models.language_model.sites import Site
    from storage.folder import Folder

TAG = "glasshouse/machine"
"""Tag of a run whose shared work is done on a machine of the registry."""


@dataclass(frozen=True)
class MachineRun:
    """A machine of the registry, for one step of Dagster."""

    context: "dg.AssetExecutionContext | dg.OpExecutionContext"
    store: OpenStore
    machine_id: str
    card: MachineCard

    def harvest(
        self,
        registration: SAERegistration,
        outputs: "dict[Site, tuple[Folder, dict[str, Any]]]",
        facts: dict[str, Any],
    ) -> None:
        """The activations of some sites, and their manifests."""
        identities = {str(site): identity for site, (_, identity) in outputs.items()}
        order = LaunchOrder("activations", (registration.sae_id,), identities, self.card.world, facts=facts)
        shared = shared_harvest(self.store, registration, order)
        self._share(order, shared.n_units, shared.is_done, "shards")
        shared.finish(facts)
        order.folder(self.store.layout).remove()

    def statistics(self, registration: SAERegistration, identity: dict[str, Any]) -> "FeatureTables":
        """The statistics of one dictionary. The folder of the launch is left to `forget_statistics`."""
        from models.features.statistics_blocks import READINGS

        blocks = statistics_blocks(self.store, registration, self._of_statistics(registration, identity, ""))
        for reading in READINGS:
            order = self._of_statistics(registration, identity, reading)
            self._share(order, blocks.n_units, partial(blocks.is_done, reading), f"blocks ({reading})")
            blocks.merge(reading)
        return blocks.tables()

    def forget_statistics(self, registration: SAERegistration, identity: dict[str, Any]) -> None:
        """Removes what the processes left, once the tables are written."""
        self._of_statistics(registration, identity, "").folder(self.store.layout).remove()

    def _of_statistics(self, registration: SAERegistration, identity: dict[str, Any], reading: str) -> LaunchOrder:
        keys, world = (registration.sae_id,), self.card.world
        return LaunchOrder("feature_statistics", keys, {IDENTITY: identity}, world, reading)

    def train(self, registration: SAERegistration) -> None:
        """One dictionary by all processes together, and with it all of its card."""
        identity, folder = build_dictionary.identity_of(self.store, registration), self.store.layout.sae(registration)
        order = LaunchOrder("sae", (registration.sae_id,), {registration.sae_id: identity}, self.card.world)

        def steps() -> int:
            names = (folder / "checkpoint").names()
            return int(names[-1].split("-")[1].split(".")[0]) if names else 0

        self._watch(order, gang=True).run(lambda: Manifest.find_current(folder, identity) is not None, steps)
        order.folder(self.store.layout).remove()

    def sweep(self, registrations: "Sequence[SAERegistration]") -> None:
        """Several dictionaries, each by one process."""
        identities = {some.sae_id: build_dictionary.identity_of(self.store, some) for some in registrations}
        order = LaunchOrder("sweep", tuple(identities), identities, self.card.world)
        found = dictionaries(self.store, order)
        self._share(order, found.n_units, found.is_done, "dictionaries")
        order.folder(self.store.layout).remove()

    def _share(self, order: LaunchOrder, n_units: int, is_unit_done: Callable[[int], bool], what: str) -> None:
        """Until every unit is done. While processes work, a unit that is done is asked for once; at the end all are."""
        for attempt in range(self.card.restarts + 1):
            units = _Missing(set(range(n_units)), n_units, is_unit_done)
            if units.is_done():
                return
            again = " again: somebody removed them" if attempt else ""
            self.context.log.info(f"{n_units - units.n_done()} of {n_units} {what} are to be made{again}")
            self._watch(order, gang=False, unit=what, total=n_units).run(units.is_done, units.n_done)
        if missing := [unit for unit in range(n_units) if not is_unit_done(unit)]:
            raise ValueError(
                f"{len(missing)} of {n_units} {what} were made, and are gone (the first: {missing[0]}): look for who "
                "removes them, and run again"
            )

    def _watch(self, order: LaunchOrder, *, gang: bool, unit: str = "", total: int = 0) -> WatchedLaunch:
        listener = _DagsterLog(self.context, unit, total)
        return WatchedLaunch(self.store, self.machine_id, self.card, order, gang, listener)


@dataclass(frozen=True, slots=True)
class _Missing:
    """Units that were not yet found done."""

    units: set[int]
    n_units: int
    is_unit_done: Callable[[int], bool]

    def is_done(self) -> bool:
        return self._look(all_of_them=False) == self.n_units

    def n_done(self) -> int:
        return self._look(all_of_them=True)

    def _look(self, *, all_of_them: bool) -> int:
        for unit in sorted(self.units):
            if self.is_unit_done(unit):
                self.units.discard(unit)
            elif not all_of_them:
                break
        return self.n_units - len(self.units)


class _DagsterLog:
    """Lines of processes in the log of a step, and their progress added up."""

    def __init__(self, context: "dg.AssetExecutionContext | dg.OpExecutionContext", unit: str, total: int) -> None:
        self._context, self._total = context, total
        in_asset = unit and isinstance(context, dg.AssetExecutionContext)
        self._progress = Progress(context, unit) if in_asset else None  # type: ignore[arg-type]

    def line(self, text: str, process: str = "") -> None:
        self._context.log.info(text, extra={PROCESS: process} if process else None)

    def progress(self, parts: dict[str, str]) -> None:
        units = [text.removeprefix("units ") for text in parts.values() if text.startswith("units ")]
        if self._progress is not None and units:
            self._progress(min(self._total, int(sum(map(float, units)))), self._total)
        elif not units:
            self._context.log.info("; ".join(f"{who}: {text}" for who, text in sorted(parts.items())))


def machine_run(context: "dg.AssetExecutionContext | dg.OpExecutionContext", store: OpenStore) -> MachineRun | None:
    """The machine that the run's tag names, or else `GLASSHOUSE_MACHINE`; None for this process.

    Raises:
        ValueError: If there is no such machine, or it cannot be used from here.
    """
    machine_id = context.run.tags.get(TAG) or os.environ.get("GLASSHOUSE_MACHINE")
    if not machine_id:
        return None
    return MachineRun(context, store, machine_id, usable_machine(store, machine_id))


def usable_machine(store: OpenStore, machine_id: str) -> MachineCard:
    """A machine of the registry; raises as `machine_run`."""
    card = store.cards().machine(machine_id)
    card.engine().check()
    work_folder(store, machine_id, card)
    return card
