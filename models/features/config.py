"""What is counted and kept of every feature, as a recipe says it."""

from typing import Annotated

from models.bounds import Bounds, TokenCount
from models.config_base import Settings

PerFeature = Annotated[int, Bounds(1, 10_000)]


class StatisticsSettings(Settings):
    """What is counted and kept of every feature."""

    top_examples: PerFeature = 20
    """Top-activating windows per feature, at most one per context."""
    intervals: Annotated[int, Bounds(1, 1_000)] = 10
    """Equal-width activation intervals of (0, maximum activation]."""
    examples_per_interval: PerFeature = 5
    """Windows from each interval."""
    control_examples: PerFeature = 20
    """Windows in which the feature is not active."""
    window_tokens: Annotated[int, Bounds(1, 65_536)] = 32
    """Tokens per window."""
    histogram_bins: PerFeature = 50
    """Equal-width bins of the activation histogram over (0, maximum activation]."""
    top_logits: PerFeature = 10
    """Promoted tokens, and as many suppressed tokens, per feature."""
    similar_features: PerFeature = 10
    """Similar features of each kind: by decoder cosine and by co-activation."""
    keep_feature_activations: bool = True
    """Whether every activation is stored in the table `feature_activation`."""
    evaluation_tokens: TokenCount = 65_536
    """Maximum held-out tokens for the metrics of `sae_metric`."""
    probe_tokens: Annotated[int, Bounds(0, 10**13)] = 32_768
    """Tokens that probes learn from (three quarters) and are measured on (held out), at most; 0 leaves out what is
    measured with them: shrinkage, sparse probing and absorption."""
