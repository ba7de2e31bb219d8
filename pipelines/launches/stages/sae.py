"""One training by several processes that talk to each other; the first of them writes the dictionary down."""

from typing import TYPE_CHECKING

from pipelines.launches.launch_order import LaunchOrder
from pipelines.launches.rank_work import GangWork, Tell, require_identity
from pipelines.registry.registry import SAERegistration
from pipelines.store import build_dictionary, trainers
from pipelines.store.dictionary_making import help_to_make, make_dictionary
from pipelines.store.open_store import OpenStore

if TYPE_CHECKING:
    from models.training.curve import CurvePoint


def work(store: OpenStore, order: LaunchOrder, tell: Tell) -> GangWork:
    """The training of the order's partition."""
    registration = store.registration(order.keys[0])
    require_identity(order, registration.sae_id, build_dictionary.identity_of(store, registration))
    return GangWork(lambda rank, world: _train(store, registration, rank, world, tell))


def _train(store: OpenStore, registration: SAERegistration, rank: int, world: int, tell: Tell) -> None:
    def log(sae_id: str, row: "CurvePoint") -> None:
        tell(f"tokens {row.tokens} of {registration.recipe.training.tokens}, FVU {row.fvu:.4g}")

    trainer = trainers.trained_together(rank, world)
    if rank:
        help_to_make(store, registration, trainer)
    else:
        make_dictionary(store, registration, log, trainer)
