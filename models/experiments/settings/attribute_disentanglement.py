"""Settings of attribute disentanglement."""

from typing import Annotated

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings


class AttributeDisentanglementSettings(ExperimentSettings):
    """Each prompt asks an attribute (its `label`) of an entity (its `subject`). At the last token of its name some
    features are given the activations that they have on another entity: whether the model then says the other's value
    of one attribute (cause) and keeps its own of the others (isolation): RAVEL, Huang et al. 2024. Which features is
    learned of some entities and reported of others, beside a learned subspace, that of the class means, random
    features, the whole activation and nothing."""

    question = "Can one attribute of an entity be moved feature by feature and the others stay?"
    tables = ("attribute_disentanglement",)
    prompt_kinds = ("labelled",)
    dictionary = "required"
    needs_answer = True
    prompts_per_chunk = None

    attributes: list[str] | None = None
    """Attributes that are moved; null for each."""
    pairs: Annotated[int, Bounds(8, 100_000)] = 192
    """Pairs of entities that want the other's value, and as many that want their own: of some entities to learn from,
    of others to report."""
    epochs: Annotated[int, Bounds(1, 1000)] = 2
    """Times that all pairs are learned from."""
    mask_rate: Annotated[float, Bounds(1e-6, 10)] = 0.02
    """Learning rate of the mask over features."""
    subspace_rate: Annotated[float, Bounds(1e-6, 10)] = 0.01
    """Learning rate of the subspace."""
    directions: Annotated[int, Bounds(1, 4096)] = 16
    """Of the learned subspace."""
    random_draws: Annotated[int, Bounds(1, 100)] = 4
    """Sets of random features that are averaged over."""
    test_share: Annotated[float, Bounds(0.1, 0.9)] = 0.4
    """Share of the entities that are reported and not learned from."""
    fewest_entities: Annotated[int, Bounds(4, 100_000)] = 12
    """Entities whose attribute the model has to know, for it to be moved."""
