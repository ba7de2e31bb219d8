"""The models of a registration: the one whose activations are read, its tokenizer, and the one that reads labels."""

from typing import TYPE_CHECKING, Any

from pipelines.registry.registry import SAERegistration
from storage.revisions import is_folder

if TYPE_CHECKING:
    from models.language_model.block_points import BlockPoints
    from models.language_model.hooked_model import HookedModel
    from models.language_model.model_limits import ModelLimits
    from models.vision_model.image_preprocessing import ImagePreprocessing
    from models.vision_model.vision_model import VisionModel


def hub_revision(registration: SAERegistration) -> str | None:
    """The commit to load from the hub; None for a folder, which holds one version only."""
    return None if is_folder(registration.model.source) else registration.revision


def load_model(registration: SAERegistration) -> "HookedModel":
    """The model of a registration, at the revision that it was resolved to."""
    from models.language_model.hooked_model import HookedModel

    return HookedModel.load(registration.model.source, hub_revision(registration), registration.model.dtype)


def load_vision(registration: SAERegistration) -> "VisionModel":
    """The vision model of a registration, at the revision that it was resolved to."""
    from models.vision_model.vision_model import load_vision_model

    return load_vision_model(registration.model.source, hub_revision(registration), registration.model.dtype)


def load_preprocessing(registration: SAERegistration) -> "tuple[ImagePreprocessing, int]":
    """What a vision model does to images, and the pixels of one patch's side, without its weights."""
    from models.images.image_decoding import SMALLEST_SIDE
    from models.language_model.loading import open_model_files, read_config
    from models.vision_model.image_preprocessing import read_preprocessing
    from models.vision_model.vision_loading import vision_class

    with open_model_files(registration.model.source, hub_revision(registration), weights=False) as files:
        _, config = vision_class(files, read_config(files))
        patch = getattr(config, "patch_size", None)
        return read_preprocessing(files), patch if isinstance(patch, int) else SMALLEST_SIDE


def load_scoring_model(registration: SAERegistration) -> "HookedModel":
    """The language model that reads labels: the one that the recipe names, or else the model itself."""
    from models.language_model.hooked_model import HookedModel

    settings = registration.recipe.explanations
    if settings.local_llm is None:
        return load_model(registration)
    return HookedModel.load(settings.local_llm, settings.local_llm_revision, "float32")


def load_limits(registration: SAERegistration) -> "ModelLimits":
    """How long the model's contexts may be, how many tokens it knows and how deep it is, without the model."""
    from models.language_model.model_limits import ModelLimits

    return ModelLimits.read(registration.model.source, hub_revision(registration))


def load_block_points(registration: SAERegistration) -> "BlockPoints | None":
    """Which sites pass at which modules of the blocks, without the model; None where no family has its names."""
    from models.language_model.block_points import read_block_points

    return read_block_points(registration.model.source, hub_revision(registration))


def load_tokenizer(registration: SAERegistration) -> Any:
    """The model's tokenizer, without the model."""
    from models.language_model import hooked_model

    return hooked_model.load_tokenizer(registration.model.source, hub_revision(registration))
