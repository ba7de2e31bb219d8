"""What is counted and kept of every feature, as a recipe says it."""

from pydantic import NonNegativeInt, PositiveInt

from models.config_base import Settings


class StatisticsSettings(Settings):
    """What is counted and kept of every feature."""

    top_examples: PositiveInt = 20
    """Top-activating windows per feature, at most one per context."""
    intervals: PositiveInt = 10
    """Equal-width activation intervals of (0, maximum activation]."""
    examples_per_interval: PositiveInt = 5
    """Windows from each interval."""
    control_examples: PositiveInt = 20
    """Windows in which the feature is not active."""
    window_tokens: PositiveInt = 32
    """Tokens per window."""
    histogram_bins: PositiveInt = 50
    """Equal-width bins of the activation histogram over (0, maximum activation]."""
    top_logits: PositiveInt = 10
    """Promoted tokens, and as many suppressed tokens, per feature."""
    similar_features: PositiveInt = 10
    """Similar features of each kind: by decoder cosine and by co-activation."""
    keep_feature_activations: bool = True
    """Whether every activation is stored in the table `feature_activation`."""
    evaluation_tokens: PositiveInt = 65_536
    """Maximum held-out tokens for the metrics of `sae_metric`."""
    probe_tokens: NonNegativeInt = 32_768
    """Tokens that probes learn from (three quarters) and are measured on (held out), at most; 0 leaves out what is
    measured with them: shrinkage, sparse probing and absorption."""
