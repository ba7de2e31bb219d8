"""One card looked at by itself: its values and, where the model lies on this machine, the model's limits."""

from pathlib import Path

from pipelines.registry.cards import InvalidCard, ModelCard, RecipeCard, read_card_file
from pipelines.registry.feature_lists import FeatureListCard
from storage.folder import Folder
from storage.revisions import is_available_offline


def check_card_file(file: Path) -> ModelCard | RecipeCard | FeatureListCard:
    """Reads a model card, a recipe in a folder `recipes` or a list in a folder `lists`, as a run would.

    Raises:
        InvalidCard: Naming the file, and the line and key of a wrong value.
    """
    kind = {"recipes": RecipeCard, "lists": FeatureListCard}.get(file.resolve().parent.name, ModelCard)
    card = read_card_file(kind, Folder(str(file.parent)), file.name)
    if isinstance(card, ModelCard) and is_available_offline(card.source, card.revision):
        _check_limits(file, card)
    return card


def _check_limits(file: Path, card: ModelCard) -> None:
    from models.language_model.loading import UnusableModel, open_model_files, read_config, read_tokenizer
    from models.language_model.model_limits import ModelLimits

    try:
        with open_model_files(card.source, card.revision, weights=False) as files:
            limits = ModelLimits.of(card.source, read_config(files))
            limits.check(card.corpus.context_length, read_tokenizer(files))
    except UnusableModel as error:
        raise InvalidCard(f"{file}: {error}") from error
