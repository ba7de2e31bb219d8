"""A model with its edits as a checkpoint folder of its own: a model card away from being a new arrival."""

from pathlib import Path

from models.interventions.model_editing.down_projection import InvalidEdit
from models.language_model.hooked_model import HookedModel
from models.language_model.loading import no_progress_bar


def save_patched(host: HookedModel, folder: Path) -> None:
    """Writes weights as they are now, config and tokenizer, as transformers reads them.

    Raises:
        InvalidEdit: If the folder holds files already: no model is written over.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InvalidEdit(f"{folder} is not empty: name a new folder for the edited model")
    with no_progress_bar():
        host.model.save_pretrained(folder)
    host.tokenizer.save_pretrained(folder)
