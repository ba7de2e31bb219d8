"""Settings of crosscoders."""

from typing import Annotated, ClassVar, Literal

from models.bounds import Bounds, FeatureCount, TokenCount
from models.experiments.comparison_settings import ComparisonSettings


class CrosscoderSettings(ComparisonSettings):
    """One set of features is learned for two models, or for two sites of one, each feature with a row for either side
    (Lindsey et al. 2024; Minder et al. 2025): which are of both, which of one alone. A penalty may take a row away that
    the side needs; so each feature of one side is looked for in what the other's rows leave and write (latent scaling)
    before it is believed. Learned on a corpus, measured on the card's texts."""

    question = "Which features are of both models, and which of one alone?"
    tables = ("crosscoder", "crosscoder_feature", "crosscoder_example")
    code_version = "2"
    dictionary = "none"
    reads_other_dictionary: ClassVar[bool] = False
    not_by_hand = ("fit_tokens",)

    site: str = "resid_post.@0.5"
    """What is read of the card's model."""
    other_site: str = ""
    """What is read of the other; empty for the same."""
    activation: Literal["batchtopk", "l1"] = "batchtopk"
    """How features are made sparse; `l1` is weighed so that as many fire."""
    n_features: FeatureCount = 2_048
    """Of both sides together."""
    k: Annotated[int, Bounds(1, 65_536)] = 32
    """Features that fire on a token, on average."""
    fit_source: str = "stdlib"
    """Texts to learn from, as a model card's `corpus.source`; no document that is held out."""
    fit_tokens: Annotated[int, Bounds(1_000, 10**9)] = 300_000
    """Tokens of it, whose activations are held in memory."""
    fit_length: Annotated[int, Bounds(2, 10**6)] = 128
    """Tokens of each piece that is read, special tokens included."""
    training_tokens: TokenCount = 1_500_000
    """Tokens that are learned from, repeated ones counted."""
    batch_tokens: Annotated[int, Bounds(1, 2**24)] = 1_024
    """Tokens per step."""
    learning_rate: Literal["auto"] | Annotated[float, Bounds(1e-9, 1.0)] = "auto"
    """Peak rate of Adam; `auto` follows from the width."""
    examples: Annotated[int, Bounds(1, 100)] = 5
    """Texts that are kept of each feature, where it is strongest."""
