"""What of a recipe or an experiment means something to text alone, told where a vision model is asked for it."""

from collections.abc import Iterator

from models.autointerp.config import ExplanationSettings
from models.language_model.sites import Site
from pipelines.registry.cards import ImagesCard, RecipeCard

OF_IMAGES = ("resid_pre", "resid_post", "resid_mid", "attn_out", "mlp_in", "mlp_act", "mlp_out", "embed")
"""Kinds of site that families of vision models have, not each of them all."""


class TextRecipe(ValueError):
    """A recipe asks a vision model for what text alone has. Give the model card other recipes, or mend the recipe."""


def refuse_text_recipe(sae_id: str, recipe: RecipeCard, images: ImagesCard) -> None:
    """Raises TextRecipe where a recipe cannot be a vision model's, before anything is made."""
    kinds = [Site.parse(site).kind for site in recipe.sites]
    wrong = [f"site {kind}, which a vision model has not" for kind in kinds if kind not in OF_IMAGES]
    if wrong := [*wrong, *_wrong_labels(recipe.explanations, images)]:
        raise TextRecipe(
            f"{sae_id} is a recipe of text on a vision model: it asks for {', and '.join(wrong)}. List in the model "
            f"card the recipes that fit (sites {', '.join(OF_IMAGES)}, labels by image labels or by an LLM that is "
            "shown pictures), or write one"
        )


def _wrong_labels(asked: ExplanationSettings, images: ImagesCard) -> Iterator[str]:
    """What the settings of labels ask for that cannot be made of images."""
    from models.autointerp.image_llm_explainer import MOST_PICTURES as PICTURES
    from models.autointerp.llm_client.message_content import MOST_PICTURES
    from models.autointerp.scorer import scorer_of

    if asked.sentence_encoder is not None:
        yield "a sentence encoder of labels of text (explanations.sentence_encoder)"
    if "local" in asked.asked:
        yield "a local model that reads text alone (explanations: name `anthropic`, or `lexical` for image labels)"
    if asked.explainers_send_prompts and "logits" in asked.prompt_variants:
        yield "the prompt `logits`, of tokens that a vision model does not predict (explanations.prompt_variants)"
    if asked.judge != "lexical":
        unfit = [name for name in asked.scorers if scorer_of(name).task_of(of_images=True) is None]
        if unfit:
            yield f"the scorers {', '.join(unfit)}, which read tokens (explanations.scorers: detection, fuzzing)"
        if "fuzzing" in asked.scorers and set(images.kinds) != {"patch"}:
            yield "the scorer fuzzing, which marks places, where images.kinds reads tokens that have none"
    if asked.asks_llm and asked.features_per_request * PICTURES > MOST_PICTURES:
        yield (
            f"{asked.features_per_request} features in one request, up to {asked.features_per_request * PICTURES} "
            f"pictures where the provider takes {MOST_PICTURES} (explanations.features_per_request: "
            f"{MOST_PICTURES // PICTURES} at most)"
        )
