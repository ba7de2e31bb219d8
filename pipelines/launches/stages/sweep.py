"""Dictionaries of several recipes, each trained by one process alone: what a sweep of one process makes."""

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.launches.launch_order import LaunchOrder
from pipelines.launches.rank_work import Tell, require_identity
from pipelines.registry.registry import SAERegistration
from pipelines.store import build_dictionary, trainers
from pipelines.store.dictionary_making import make_dictionary
from pipelines.store.open_store import OpenStore
from storage.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Dictionaries:
    """A unit is one dictionary, or all of one recipe card."""

    store: OpenStore
    registrations: tuple[SAERegistration, ...]

    @property
    def n_units(self) -> int:
        return len(self.registrations)

    def is_done(self, unit: int) -> bool:
        some = self.registrations[unit]
        return all(
            Manifest.find_current(self.store.layout.sae(each), build_dictionary.identity_of(self.store, each))
            for each in (self.store.registration(f"{some.model_id}/{name}") for name in some.set_recipe_ids)
        )

    def do(self, unit: int, report: Callable[[int, int], None]) -> None:
        some = self.registrations[unit]
        tokens = some.recipe.training.tokens
        make_dictionary(self.store, some, lambda _, row: report(row.tokens, tokens), trainers.trained_here)


def dictionaries(store: OpenStore, order: LaunchOrder) -> Dictionaries:
    """The dictionaries of an order, each card once."""
    every = [store.registration(key) for key in order.keys]
    return Dictionaries(store, tuple({some.set_id or some.recipe_id: some for some in every}.values()))


def work(store: OpenStore, order: LaunchOrder, tell: Tell) -> Dictionaries:
    """The dictionaries, of which each process makes some."""
    found = dictionaries(store, order)
    for some in found.registrations:
        require_identity(order, some.sae_id, build_dictionary.identity_of(store, some))
    return found
