"""A cross-layer transcoder of the store in the layout of circuit-tracer."""

from pipelines.store.dictionary_sets import transcoders_of
from pipelines.store.store import Store
from storage.folder import Folder


def export_transcoder(store: Store, model_id: str, recipe_id: str, folder: str) -> Folder:
    """Writes all blocks of a recipe card.

    Raises:
        MissingDataset: If a block was not made yet.
        ValueError: If the card asks for no cross-layer transcoder, or circuit-tracer has no place for its sites.
    """
    from models.dictionaries.cross_layer_set import CrossLayerTranscoders
    from models.interchange.set_formats.circuit_tracer import write
    from models.language_model.sites import Site

    transcoders = transcoders_of(store, model_id, recipe_id)
    if not isinstance(transcoders, CrossLayerTranscoders):
        raise ValueError(f"{model_id}/{recipe_id} writes each block by itself: name a cross_layer_transcoder")
    first = store.registration(f"{model_id}/{store.cards().dictionaries_of(recipe_id)[0]}")
    read, written = (Site.parse(site).kind for site in first.recipe.sites)
    slices = {layer: transcoders.by_layer[layer] for layer in transcoders.layers}
    write(slices, Folder(folder), first.model.source, read, written)
    return Folder(folder)
