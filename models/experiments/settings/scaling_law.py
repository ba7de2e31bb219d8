"""Settings of scaling laws."""

from typing import Annotated, Literal

from models.bounds import Bounds, FeatureCount, TokenCount
from models.experiments.settings_base import ExperimentSettings


class ScalingLawSettings(ExperimentSettings):
    """Dictionaries of several widths and sparsities are trained from one reading of a corpus, and a power law over a
    floor is fitted to what they leave of the card's texts (Gao et al. 2024). A run that still falls when its learning
    rate begins to is no evidence of a width, and makes a false exponent: only converged runs count, and live features
    are counted, not those that were asked for. Kept are the runs' numbers, not their weights."""

    question = "How does a dictionary's error fall with its width, and where would it end?"
    tables = ("scaling_run", "scaling_fit")
    code_version = "2"
    prompt_kinds = ("prompts", "labelled")
    prompts_per_chunk = None
    not_by_hand = ("fit_tokens",)

    site: str = "resid_post.@0.5"
    """What the dictionaries read."""
    widths: tuple[FeatureCount, ...] = (128, 256, 512, 1_024, 2_048, 4_096)
    """Features of the dictionaries."""
    k: tuple[Annotated[int, Bounds(1, 65_536)], ...] = (8, 32)
    """Features that fire on a token: a law is fitted for each."""
    seeds: Annotated[int, Bounds(1, 100)] = 2
    """Runs of each width and sparsity, which differ in their first weights."""
    learning_rates: tuple[Annotated[float, Bounds(0.001, 1_000)], ...] = (0.5, 2.0)
    """Multiples of the learning rate that are tried besides at the middle width, to see whether it is near the best."""
    training_tokens: TokenCount = 1_000_000
    """Tokens of each run, repeated ones counted."""
    batch_tokens: Annotated[int, Bounds(1, 2**24)] = 1_024
    """Tokens per step."""
    learning_rate: Literal["auto"] | Annotated[float, Bounds(1e-9, 1.0)] = "auto"
    """Peak rate of Adam; `auto` follows from the site's width."""
    most_fall: Annotated[float, Bounds(0, 10)] = 0.02
    """By how much the log of FVU may still fall over a fifth of the run, just before the learning rate does, where a
    run counts as converged."""
    fit_source: str = "stdlib"
    """Texts to learn from, as a model card's `corpus.source`; no document that is held out."""
    fit_tokens: Annotated[int, Bounds(1_000, 10**9)] = 300_000
    """Tokens of it, whose activations are held in memory."""
    fit_length: Annotated[int, Bounds(2, 10**6)] = 128
    """Tokens of each piece that is read, special tokens included."""
