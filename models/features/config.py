"""What is counted and kept of every feature, as a recipe says it."""

from pydantic import NonNegativeInt, PositiveInt

from models.config_base import Settings


class StatisticsSettings(Settings):
    """What is counted and kept of every feature."""

    top_examples: PositiveInt = 20
    intervals: PositiveInt = 10
    """Equal-width slices of (0, max activation]."""
    examples_per_interval: PositiveInt = 5
    control_examples: PositiveInt = 20
    """Windows in which the feature does not fire."""
    window_tokens: PositiveInt = 32
    """Tokens around a peak that an example shows."""
    histogram_bins: PositiveInt = 50
    """Equal-width bins of the activation histogram over (0, max activation]."""
    top_logits: PositiveInt = 10
    """Tokens promoted, and as many suppressed, kept per feature."""
    similar_features: PositiveInt = 10
    """Nearest features kept, by decoder cosine and by co-activation."""
    keep_feature_activations: bool = True
    """Whether the sparse codes stay in the store as `feature_activation`."""
    evaluation_tokens: PositiveInt = 65_536
    """Held-out tokens on which the metrics of `sae_metric` are measured, at most."""
    probe_tokens: NonNegativeInt = 32_768
    """Tokens that probes learn from (three quarters) and are measured on (held out), at most; 0 leaves out what is
    measured with them: shrinkage, sparse probing and absorption."""
