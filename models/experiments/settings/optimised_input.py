"""Settings of optimised inputs."""

from typing import Annotated, Literal

from models.bounds import Bounds, FeatureNumber
from models.experiments.settings_base import ExperimentSettings


class OptimisedInputSettings(ExperimentSettings):
    """Texts that are made to excite a feature more than any text of the corpus, by evolution along the gradient (EPO,
    Thompson et al. 2024) or by every token in turn, with and without a price on what the model finds unlikely; and the
    strongest of the card's texts, shortened to what the feature still fires on. They show what a feature reads beyond
    what the corpus happened to hold. Only texts count that are cut into the same tokens again."""

    question = "Which texts excite a feature most, and which is the shortest?"
    tables = ("optimised_input",)
    code_version = "2"
    prompt_kinds = ("prompts", "labelled")
    dictionary = "required"
    feature_settings = ("features",)
    prompts_per_chunk = None

    features: tuple[FeatureNumber, ...] | None = None
    """Which; null for some of all densities."""
    n_features: Annotated[int, Bounds(1, 10_000)] = 6
    """How many, where none are named."""
    methods: tuple[Literal["evolution", "coordinate", "shorten"], ...] = ("evolution", "shorten")
    """What is done for each."""
    tokens: Annotated[int, Bounds(1, 256)] = 8
    """Length of a made text."""
    penalties: tuple[Annotated[float, Bounds(0, 1_000)], ...] = (0.05, 0.2, 1.0, 5.0)
    """Prices of a nat of surprise per token, in tenths of the feature's largest activation on the corpus: one text is
    made for each."""
    iterations: Annotated[int, Bounds(1, 100_000)] = 30
    """Of evolution."""
    children: Annotated[int, Bounds(1, 10_000)] = 16
    """Of each text in an iteration, each with one token changed."""
    choices: Annotated[int, Bounds(1, 10**6)] = 512
    """Tokens that the gradient favours at a place, of which a child gets one."""
    restart_every: Annotated[int, Bounds(1, 100_000)] = 10
    """Iterations after which the best text for one price takes the place of all."""
    sweeps: Annotated[int, Bounds(1, 100)] = 2
    """Of `coordinate`: each reads every token at every place."""
    kept_share: Annotated[float, Bounds(0.01, 1)] = 0.9
    """Of its pre-activation that a shortened text keeps."""
    window: Annotated[int, Bounds(1, 10_000)] = 32
    """Tokens before the strongest place, that one included, from which shortening begins."""
