"""Settings of direct logit attribution."""

from models.experiments.settings_base import ExperimentSettings


class LogitAttributionSettings(ExperimentSettings):
    """What embeddings, each head, each MLP and the biases add to the logit of a prompt's answer, less its foil's or the
    vocabulary's average, directly: through the final norm with its scale as it was. Where a recipe is named, the
    features that fire, and the dictionary's error, stand in the place of the parts that they describe."""

    question = "Which parts of the model speak for the answer?"
    tables = ("logit_attribution",)
    prompt_kinds = ("prompts", "contrast_pairs", "labelled", "chat")
    dictionary = "optional"
    needs_answer = True

    heads: bool = True
    """Whether each head stands by itself, or a block's attention as one part."""
