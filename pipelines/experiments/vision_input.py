"""What an experiment on a vision model works on: model, images and dictionaries, checked before the first pass."""

from typing import TYPE_CHECKING, Any

from pipelines.experiments.experiment_input import feature_dictionary
from pipelines.registry.experiment_cards import ExperimentRegistration
from pipelines.store.experiment_identity import sae_registrations
from pipelines.store.store import Store
from storage.revisions import is_folder

if TYPE_CHECKING:
    from models.experiments.vision_method import VisionInput


def vision_input(store: Store, registration: ExperimentRegistration) -> "VisionInput[Any]":
    """Loads and checks everything that a method asks for.

    Raises:
        InvalidPrompt: Naming the image that cannot be used.
        ValueError: If the method cannot answer for this model, dictionary or settings.
    """
    from models.experiments.method import method_of
    from models.experiments.vision_image import vision_images
    from models.experiments.vision_method import VisionInput
    from models.vision_model.vision_model import load_vision_model
    from pipelines.store.prompt_reading import read_prompts

    source = registration.model.source
    host = load_vision_model(source, None if is_folder(source) else registration.revision, registration.model.dtype)
    prompts = () if registration.prompt_set is None else read_prompts(registration.prompt_set)
    images = vision_images(host, prompts, needs_answer=registration.settings.needs_answer)
    dictionaries = [feature_dictionary(store, named) for named in sae_registrations(store, registration)]
    for dictionary in dictionaries:
        dictionary.sae.to(host.device)
    method: Any = method_of(registration.card.method)
    given = VisionInput(host, registration.settings, dictionaries, images, registration.card.seed)
    method.check(given)
    return given
