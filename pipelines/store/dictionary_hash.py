"""By which hash people name the dictionary that they mean."""

from pipelines.store.layout import StoreLayout
from storage.manifest import Manifest


def weights_sha256(layout: StoreLayout, model_id: str, recipe_id: str) -> str:
    """Hash of the weights of the dictionary that is there, as its manifest has it; empty where there is none."""
    from models.dictionaries.saelens_format import WEIGHTS

    manifest = Manifest.read(layout.sae_at(model_id, recipe_id))
    return next((file.sha256 for file in manifest.files if file.name == WEIGHTS), "") if manifest else ""
