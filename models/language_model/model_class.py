"""The class of transformers that loads a model by its config: how a model of text is told from one of images."""

from typing import Any

from models.language_model.module_map import UnknownArchitecture, unknown

WITH_TEXT = ("clip", "siglip", "siglip2")
"""Types whose config holds a part that sees beside one that reads."""


def image_model_class(config: Any) -> tuple[Any, Any] | None:
    """The class to load and the config to load it by; None where the model does not read images alone, nor has a part
    that does."""
    import transformers
    from transformers.models.auto import modeling_auto as auto

    names = config.architectures or []
    known = auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES
    if config.model_type in known and any(name.endswith("ForImageClassification") for name in names):
        return transformers.AutoModelForImageClassification, config
    seeing = getattr(config, "vision_config", None) if config.model_type in WITH_TEXT else config
    named = auto.MODEL_MAPPING_NAMES.get(getattr(seeing, "model_type", ""))
    kind = getattr(transformers, named if isinstance(named, str) else (named or ("",))[0], None)
    return (transformers.AutoModel, seeing) if getattr(kind, "main_input_name", None) == "pixel_values" else None


def language_model_class(config: Any) -> tuple[Any, bool]:
    """The class that loads a model of this config, and whether it predicts the next token; one that also sees is read
    by its text."""
    from transformers import AutoModel, AutoModelForCausalLM, AutoModelForImageTextToText, AutoModelForMaskedLM
    from transformers.models.auto import modeling_auto as auto

    architectures = config.architectures or []
    if config.model_type in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False):
        has_head = any(name.endswith(("ForMaskedLM", "ForPreTraining")) for name in architectures)
        return (AutoModelForMaskedLM if has_head else AutoModel), False
    if config.model_type in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return AutoModelForCausalLM, True
    if config.model_type in auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        return AutoModelForImageTextToText, True
    if image_model_class(config) is not None:
        raise UnknownArchitecture(
            f"{', '.join(architectures) or config.model_type} is a vision model, and its card gives text: give "
            "`images:` in place of `corpus:`, or name a language model"
        )
    raise unknown(", ".join(architectures) or config.model_type, "it is neither a causal language model nor an encoder")
