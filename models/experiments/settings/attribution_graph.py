"""Settings of attribution graphs."""

from typing import Annotated

from pydantic import Field

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings


class AttributionGraphSettings(ExperimentSettings):
    """Attribution graphs (Ameisen et al. 2025): which transcoder features act on which others on the way from a prompt
    to its next token, in the model with its attention patterns and norms held and each MLP's output written as
    features, error and bias. Each graph has two scores of how much of it features explain, and is checked by doing:
    features are ablated and amplified in the model, and what changes is compared with what the graph predicts."""

    question = "Through which features does the prompt become the next token?"
    tables = ("attribution_graph", "graph_node", "graph_edge", "graph_check")
    code_version = "2"
    dictionary = "several"
    feature_settings = ("supernodes",)
    prompts_per_chunk = 1

    max_features: Annotated[int, Bounds(1, 10**6)] | None = 4_096
    """Features whose inputs are computed, the most influential first; null for all that fire."""
    logit_mass: Annotated[float, Bounds(0, 1)] = 0.95
    """The likeliest next tokens are explained whose probabilities reach this sum."""
    max_logits: Annotated[int, Bounds(1, 256)] = 10
    """Next tokens that are explained at most."""
    edges_per_node: Annotated[int, Bounds(1, 10**6)] = 2_048
    """Largest inputs of a node that are kept."""
    node_threshold: Annotated[float, Bounds(0, 1)] = 0.8
    """Share of influence that the kept nodes make up."""
    edge_threshold: Annotated[float, Bounds(0, 1)] = 0.98
    """Share of influence that the kept edges make up."""
    checked_nodes: Annotated[int, Bounds(0, 4096)] = 12
    """Features that are changed in the model: half of them the most influential, half drawn among the others kept."""
    factors: tuple[Annotated[float, Bounds(-100, 100)], ...] = (0.0, 2.0)
    """What the activation of a changed feature is multiplied by: 0 ablates it."""
    memory_gib: Annotated[float, Bounds(0.01, 1024)] = 1.0
    """Memory for the gradients of one batch of rows, and as much for decoder rows that are kept at hand [GiB]."""
    supernodes: dict[str, list[str]] = Field({})
    """Groups of features that mean one thing, by name: `{Texas: [mlp2/17, mlp3/208]}`, each `recipe/feature`."""
