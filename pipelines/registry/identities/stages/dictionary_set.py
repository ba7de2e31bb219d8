"""Which dictionaries learn from the same tokens, or together: read where a recipe card asks for several blocks."""

from pipelines.registry.identities.stage_identity import StageIdentity

DICTIONARY_SET = StageIdentity("dictionary_set", None, fields=("recipe.layers",))
CROSS_LAYER = StageIdentity("cross_layer", None, fields=("recipe.sae.activation",))
"""Of a dictionary that writes other blocks too."""
