"""The weights of a vision model, and the sentence for a model that reads text."""

from typing import Any

from models.language_model.loading import ModelFiles, load_frozen, read_config
from models.language_model.model_class import image_model_class
from models.language_model.module_map import UnknownArchitecture


def load_vision_weights(files: ModelFiles, dtype: str) -> Any:
    """The model of a checkpoint on the CPU, frozen and in evaluation mode; of one that also reads text, the part that
    sees.

    Raises:
        UnknownArchitecture: If transformers does not know the model, or it reads no images.
        UnusableModel: If weights are missing or damaged.
    """
    files.weight_files()
    return load_frozen(files, *vision_class(files, read_config(files)), dtype)


def vision_class(files: ModelFiles, config: Any) -> tuple[Any, Any]:
    """The class that loads the part of a model that sees, and its config.

    Raises:
        UnknownArchitecture: If it reads no images.
    """
    if (found := image_model_class(config)) is None:
        name = ", ".join(config.architectures or []) or config.model_type
        raise UnknownArchitecture(
            f"{files.source} is a model of text ({name}), and its card gives images: give `corpus:` in place of "
            "`images:`, or name a vision model"
        )
    return found
