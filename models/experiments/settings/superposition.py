"""Settings of superposition."""

from typing import Annotated

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings

Count = Annotated[int, Bounds(1, 100_000)]


class SuperpositionSettings(ExperimentSettings):
    """Toy models that have more features than dimensions (Elhage et al. 2022): how many they represent by density, in
    which phase a second feature is, and what few training examples make of them (Henighan et al. 2023). The toys are
    alike for every model and read no text; where the card names a recipe, its features are measured beside them on the
    card's texts: what share of a dimension each has, and how much others write along its direction."""

    question = "How do more features than dimensions fit into a model?"
    tables = ("toy_model", "toy_feature", "feature_interference")
    prompt_kinds = ("prompts", "labelled")
    dictionary = "optional"
    prompts_per_chunk = None

    features: Count = 60
    """Features of a toy of the sweep over densities."""
    hidden: Count = 15
    """Its dimensions."""
    importance_decay: Annotated[float, Bounds(0.01, 1)] = 1.0
    """Each feature is so many times as important as the one before."""
    densities: Annotated[int, Bounds(2, 100)] = 14
    """Chances that a feature is present, from 1 down to `rarest`, evenly in their logarithm."""
    rarest: Annotated[float, Bounds(1e-6, 0.9)] = 0.005
    """The least of them."""
    phase_grid: Annotated[int, Bounds(2, 100)] = 9
    """Densities and importances of the phase diagram."""
    restarts: Annotated[int, Bounds(1, 100)] = 6
    """Models of each of its cells, of which the one of least loss counts."""
    examples: tuple[Count, ...] = (5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560)
    """Training examples of the toys that see the same ones again and again."""
    examples_features: Count = 100
    """Features of these toys, which have two dimensions."""
    examples_density: Annotated[float, Bounds(1e-6, 1)] = 0.03
    """Chance that one is present in an example."""
    steps: Annotated[int, Bounds(10, 10**7)] = 2_000
    """Of the training of each."""
