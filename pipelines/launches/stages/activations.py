"""A harvest by several processes: a unit is one shard of every site that is missing."""

from typing import TYPE_CHECKING

from pipelines.launches.launch_order import LaunchOrder
from pipelines.launches.rank_work import Tell, require_identity
from pipelines.registry.registry import SAERegistration
from pipelines.store.harvest_sites import harvest_inputs, site_identity
from pipelines.store.model_loading import load_model
from pipelines.store.open_store import OpenStore

if TYPE_CHECKING:
    from models.activations.harvest_by_rank import HarvestingProcess, SharedHarvest


def shared_harvest(store: OpenStore, registration: SAERegistration, order: LaunchOrder) -> "SharedHarvest":
    """The harvest of an order, without the model."""
    from models.activations.harvest_by_rank import SharedHarvest
    from models.corpora.contexts import TokenizedCorpus
    from models.language_model.sites import Site

    layout = store.layout
    outputs = {
        Site.parse(name): (layout.activations(registration.model_id, name), identity)
        for name, identity in order.identities.items()
    }
    contexts = TokenizedCorpus.open(layout.corpus(registration.corpus_id, order.facts["frame_sha256"]))
    return SharedHarvest(contexts, outputs, order.folder(layout) / "records", registration.model.shard_dtype)


def work(store: OpenStore, order: LaunchOrder, tell: Tell) -> "HarvestingProcess":
    """The shards, with the model."""
    from models.activations.harvest_by_rank import HarvestingProcess

    registration = store.registration(order.keys[0])
    shared, host = shared_harvest(store, registration, order), load_model(registration)
    read = harvest_inputs(store, registration, order.facts["frame_sha256"])
    for site in shared.outputs:
        require_identity(order, str(site), site_identity(registration, read, host.weights_sha256, site))
    return HarvestingProcess(shared, host, registration.model.max_norm)
