"""Dictionaries of an experiment as one set of transcoders that stand for a model's MLPs, one a block."""

from collections.abc import Sequence

from models.attribution.graphs.transcoded_prompt import ModelTranscoders
from models.dictionaries.cross_layer_set import transcoder_set
from models.experiments.feature_dictionary import FeatureDictionary

READ_KINDS = ("mlp_in", "resid_mid", "resid_pre")


def model_transcoders(dictionaries: Sequence[FeatureDictionary]) -> ModelTranscoders:
    """The dictionaries as one set, one a block."""
    placed = {_layer(dictionary): dictionary for dictionary in dictionaries}
    transcoders = transcoder_set({layer: each.sae for layer, each in placed.items()})
    return ModelTranscoders(transcoders, {layer: each.site for layer, each in placed.items()})


def check_block_transcoders(dictionaries: Sequence[FeatureDictionary]) -> None:
    """Refuses what is no transcoder of an MLP, and two of one block.

    Raises:
        ValueError: Naming the recipe.
    """
    layers = [_layer(dictionary) for dictionary in dictionaries]
    if len(set(layers)) < len(layers):
        raise ValueError("two of the recipes write the MLP of one block: name one transcoder a block")


def _layer(dictionary: FeatureDictionary) -> int:
    """The block whose MLP a transcoder stands for.

    Raises:
        ValueError: If it is none.
    """
    read, written, recipe_id = dictionary.site, dictionary.written, dictionary.recipe_id
    if written.kind != "mlp_out" or written.layer is None:
        raise ValueError(
            f"{recipe_id} writes {written}: attribution graphs and global weights are made of transcoders of MLPs; "
            "name recipes with `site: mlp_in.L` and `output_site: mlp_out.L`"
        )
    if read.kind not in READ_KINDS or read.layer != written.layer:
        wanted = ", ".join(f"{kind}.{written.layer}" for kind in READ_KINDS)
        raise ValueError(
            f"{recipe_id} reads {read} and writes {written}: name a transcoder that reads one of {wanted}, as the MLP "
            "does"
        )
    if dictionary.sae.gains:
        raise ValueError(
            f"{recipe_id} is of the architecture {dictionary.sae.architecture}, whose activations have gains of their "
            "own: effects are not followed through them; name a recipe of another architecture"
        )
    return written.layer
