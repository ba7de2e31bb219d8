"""Settings of feature circuits."""

from typing import Annotated, Literal

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings


class FeatureCircuitSettings(ExperimentSettings):
    """Sparse feature circuits (Marks et al. 2024): the effect of each feature, and of what the dictionaries leave out,
    on the logit difference of answer and foil between clean and corrupt prompts; how many of the strongest are enough
    for the answer (faithfulness) and what the others are without them (completeness); which earlier features act
    through which later ones. Approximate effects stand beside exact ones on a sample."""

    question = "Which features does the answer come from, and how many of them are enough?"
    tables = ("circuit_node", "circuit_edge", "circuit_faithfulness", "circuit_agreement")
    prompt_kinds = ("contrast_pairs",)
    dictionary = "several"
    needs_answer = True
    needs_foil = True
    prompts_per_chunk = None

    method: Literal["integrated_gradients", "attribution"] = "integrated_gradients"
    """How a node's effect is approximated: with the gradient averaged between clean and corrupt, or at the clean."""
    steps: Annotated[int, Bounds(1, 256)] = 10
    """Steps of integrated gradients."""
    nodes: Annotated[int, Bounds(1, 4096)] = 32
    """Strongest nodes that are kept."""
    circuit_sizes: tuple[Annotated[int, Bounds(1, 4096)], ...] = (1, 2, 4, 8, 16, 32)
    """Sizes of circuits whose faithfulness is measured, at most `nodes` each."""
    exact_nodes: Annotated[int, Bounds(0, 4096)] = 32
    """Nodes whose exact effect is measured: half of them the strongest, half drawn among all that change."""
    random_circuits: Annotated[int, Bounds(0, 64)] = 3
    """Circuits of nodes that are drawn among all that change, of each size, as a baseline."""
    edge_nodes: Annotated[int, Bounds(0, 256)] = 12
    """Strongest nodes between which edges are measured, where there are several dictionaries."""
