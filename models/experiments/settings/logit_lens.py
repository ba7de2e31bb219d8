"""Settings of the logit lens, and of the tuned and the Jacobian lens beside it."""

from typing import Annotated, Literal

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings


class LogitLensSettings(ExperimentSettings):
    """The residual stream behind each block, read by the final norm and the output embedding as if the model ended
    there: most likely tokens, entropy, distance from the model's own answer, rank of the answer that a prompt names. A
    tuned or a Jacobian lens first carries the stream to the end by a map that is fitted on other texts. With a recipe,
    the Jacobian lens also says which tokens each feature of its dictionary disposes the model to say."""

    question = "What would the model say next if it ended after each block?"
    tables = ("logit_lens", "jacobian_effect")
    code_version = "3"
    dictionary = "optional"
    prompt_kinds = ("prompts", "contrast_pairs", "labelled", "parallel", "chat")

    positions: Literal["last", "all"] = "all"
    """Whether every position of a prompt is read or its last only."""
    top_tokens: Annotated[int, Bounds(1, 100)] = 5
    """Most likely tokens that are kept for each layer and position."""
    lenses: tuple[Literal["logit", "tuned", "jacobian"], ...] = ("logit",)
    """Lenses side by side: the stream as it is, through a learned affine map, through the mean derivative."""
    fit_source: str = "stdlib"
    """Where texts to fit on come from, as in a model card's `corpus.source`; held-out documents are not read."""
    fit_texts: Annotated[int, Bounds(1, 100_000)] = 64
    """Texts that the tuned lens is trained on."""
    jacobian_texts: Annotated[int, Bounds(1, 100_000)] = 8
    """Texts that the Jacobian lens averages over: each costs as many backward passes as the stream is wide."""
    fit_length: Annotated[int, Bounds(2, 100_000)] = 64
    """Tokens of each text."""
    skip_first: Annotated[int, Bounds(0, 10_000)] = 16
    """Positions that the Jacobian lens leaves out at the beginning of a text."""
    jacobian_file: str | None = None
    """A Jacobian lens in the published layout (`lens.pt`) that is read in place of fitting one."""
    effect_tokens: Annotated[int, Bounds(1, 100)] = 10
    """Tokens that are kept at either end of each feature's effect through the Jacobian lens."""
    tuned_steps: Annotated[int, Bounds(1, 1_000_000)] = 250
    """Steps that each map of the tuned lens is trained for."""
