"""One card looked at by itself: its values and, where the model lies on this machine, the model's limits."""

from pathlib import Path

from models.config_base import Settings
from pipelines.launchers.machine_card import MachineCard
from pipelines.registry.cards import InvalidCard, ModelCard, RecipeCard, read_card_file
from pipelines.registry.experiment_cards import ExperimentCore, PromptSetCard
from pipelines.registry.feature_lists import FeatureListCard
from pipelines.registry.text_set_cards import TextSetCard
from storage.folder import Folder
from storage.revisions import is_available_offline

KINDS = {
    "recipes": RecipeCard,
    "prompt_sets": PromptSetCard,
    "text_sets": TextSetCard,
    "experiments": ExperimentCore,
    "lists": FeatureListCard,
    "machines": MachineCard,
}
"""Cards by the folder that they lie in; others are model cards."""


def check_card_file(file: Path) -> Settings:
    """Reads a model card, or a card in a folder of KINDS, as a run would.

    Raises:
        InvalidCard: Naming the file, and the line and key of a wrong value.
    """
    kind = KINDS.get(file.resolve().parent.name, ModelCard)
    card = read_card_file(kind, Folder(str(file.parent)), file.name)
    if isinstance(card, ModelCard) and is_available_offline(card.source, card.revision):
        _check_limits(file, card)
    return card


def _check_limits(file: Path, card: ModelCard) -> None:
    if card.images_seen is not None:
        return _check_vision(file, card)
    from models.language_model.loading import UnusableModel, open_model_files, read_config, read_tokenizer
    from models.language_model.model_limits import ModelLimits

    try:
        with open_model_files(card.source, card.revision, weights=False) as files:
            limits = ModelLimits.of(card.source, read_config(files))
            limits.check(card.corpus.context_length, read_tokenizer(files))
    except UnusableModel as error:
        raise InvalidCard(f"{file}: {error}") from error


def _check_vision(file: Path, card: ModelCard) -> None:
    """Raises InvalidCard where the model sees nothing, or has no preprocessing that can be used."""
    from models.language_model.loading import UnusableModel, open_model_files, read_config
    from models.vision_model.image_preprocessing import read_preprocessing
    from models.vision_model.vision_loading import vision_class

    try:
        with open_model_files(card.source, card.revision, weights=False) as files:
            vision_class(files, read_config(files))
            read_preprocessing(files)
    except UnusableModel as error:
        raise InvalidCard(f"{file}: {error}") from error
