"""Settings of the scores, ablations and pictures of attention heads."""

from typing import Annotated, Literal

from models.bounds import Bounds, Fraction
from models.experiments.settings_base import ExperimentSettings


class AttentionHeadsSettings(ExperimentSettings):
    """Scores of every attention head on random sequences that say a piece twice (induction, previous token, duplicate
    token) and from its weights (OV copying, QK matching); what the model loses on the second copy when heads are
    ablated; where heads look in the prompts."""

    question = "Which heads look for what came before, and what does the model lose without them?"
    tables = ("head_score", "head_ablation", "attention_pattern")
    code_version = "2"
    prompt_kinds = ("prompts", "contrast_pairs", "labelled", "parallel", "chat")

    sequences: Annotated[int, Bounds(2, 10_000)] = 16
    """Random sequences that scores and losses are averaged over."""
    shortest_period: Annotated[int, Bounds(2, 10_000)] = 20
    """Tokens of the shortest piece that is said twice."""
    longest_period: Annotated[int, Bounds(3, 10_000)] = 50
    """Tokens of the longest: of one length alone, heads that look back by position would pass for induction heads."""
    longest_prefix: Annotated[int, Bounds(0, 10_000)] = 16
    """Random tokens that stand before the piece at most."""
    threshold: Fraction = 0.2
    """A head is said to do what a score is about where it exceeds its baseline by so much."""
    ablation: Literal["zero", "mean", "both"] = "both"
    """Whether an ablated head says nothing, or what it says on average where nothing is repeated."""
    ablated_one_by_one: Annotated[int, Bounds(0, 100_000)] = 64
    """Heads of the highest induction score that are ablated each by itself; all where there are fewer."""
    control_sets: Annotated[int, Bounds(0, 100)] = 3
    """Random sets of other heads that are ablated beside the induction heads, as many at a time."""
    circuit_tokens: Annotated[int, Bounds(2, 100_000)] = 128
    """Random tokens that OV copying and QK matching are measured with; fewer where the model knows fewer."""
    pattern_heads: tuple[str, ...] = ()
    """Heads whose attention to the prompts is stored, such as `5.1` (block and head); all where none is named."""
    pattern_threshold: Fraction = 0.05
    """Least weight that is stored."""
    weights_per_prompt: Annotated[int, Bounds(1, 10_000_000)] = 5_000
    """Weights of a prompt that are stored at most, the largest."""
