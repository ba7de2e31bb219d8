"""What of a recipe or an experiment means something to text alone, told where a vision model is asked for it."""

from models.language_model.sites import Site
from pipelines.registry.cards import RecipeCard

OF_IMAGES = ("resid_pre", "resid_post", "resid_mid", "attn_out", "mlp_in", "mlp_act", "mlp_out", "embed")
"""Kinds of site that families of vision models have, not each of them all."""


class TextRecipe(ValueError):
    """A recipe asks a vision model for what text alone has. Give the model card other recipes, or mend the recipe."""


def refuse_text_recipe(sae_id: str, recipe: RecipeCard) -> None:
    """Raises TextRecipe where a recipe cannot be a vision model's, before anything is made."""
    kinds = [Site.parse(site).kind for site in recipe.sites]
    asked = recipe.explanations
    wrong = [f"site {kind}, which a vision model has not" for kind in kinds if kind not in OF_IMAGES]
    if asked.sends_prompts:
        wrong.append("an LLM that reads windows of text (explanations)")
    if asked.sentence_encoder is not None:
        wrong.append("a sentence encoder of labels of text (explanations.sentence_encoder)")
    if wrong:
        raise TextRecipe(
            f"{sae_id} is a recipe of text on a vision model: it asks for {', and '.join(wrong)}. List in the model "
            f"card the recipes that fit (sites {', '.join(OF_IMAGES)}, labels by image labels), or write one"
        )
