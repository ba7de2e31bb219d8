"""The sites that a model's recipes want: those that are not there, where each goes, and why it is made."""

from typing import TYPE_CHECKING, Any

from pipelines.registry.identities.stages.activations import ACTIVATIONS
from pipelines.registry.registry import SAERegistration
from pipelines.store.current_datasets import why_made
from pipelines.store.open_store import OpenStore

if TYPE_CHECKING:
    from models.language_model.hooked_model import HookedModel
    from models.language_model.sites import Site
    from models.vision_model.vision_model import VisionModel
    from storage.folder import Folder


def harvest_inputs(store: OpenStore, registration: SAERegistration, frame_sha256: str) -> list[dict[str, Any]]:
    """Identities of the frame and the corpus that a harvest reads."""
    made_of = [store.datasets.framed(registration), store.datasets.tokenized(registration, frame_sha256)]
    return [manifest.identity for manifest in made_of]


def site_identity(
    registration: SAERegistration, read: list[dict[str, Any]], weights_sha256: str, site: "Site"
) -> dict[str, Any]:
    """Everything that the activations of a site depend on."""
    return ACTIVATIONS.identity(registration, read, {"weights_sha256": weights_sha256}, part=str(site))


def missing_sites(
    store: OpenStore, registration: SAERegistration, read: list[dict[str, Any]], host: "HookedModel | VisionModel"
) -> "tuple[dict[Site, tuple[Folder, dict[str, Any]]], dict[str, str]]":
    """Of all sites that the model's recipes want, those that are not there: where each goes, and why it is made."""
    from models.language_model.sites import Site

    wanted = {
        Site.parse(site).resolve(host.n_layers)
        for recipe in [*store.cards().recipes_of(registration.model_id).values(), registration.recipe]
        for site in recipe.sites
    }
    outputs, reasons = {}, {}
    for site in sorted(wanted, key=str):
        folder = store.layout.activations(registration.model_id, str(site))
        identity = site_identity(registration, read, host.weights_sha256, site)
        if why := why_made(identity, folder):
            outputs[site], reasons[str(site)] = (folder, identity), why
    return outputs, reasons
