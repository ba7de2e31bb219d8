"""Keys and values of recipes that were called otherwise before: a card that still uses one is told its name of now."""

from typing import Any

RENAMED_KEYS = {
    "sae.coefficient": "sparsity_coefficient",
    "sae.sparsity": "sparsity_penalty",
    "sae.bandwidth": "ste_bandwidth",
    "sae.groups": "matryoshka_fractions",
    "sae.skip": "skip_connection",
    "training.batch": "batch_tokens",
    "training.dead_tokens": "dead_after_tokens",
    "training.matmul": "encoder_matmul_dtype",
    "statistics.top": "top_examples",
    "statistics.controls": "control_examples",
    "statistics.per_interval": "examples_per_interval",
    "statistics.window": "window_tokens",
    "statistics.bins": "histogram_bins",
    "statistics.effects": "top_logits",
    "statistics.neighbors": "similar_features",
    "statistics.keep_codes": "keep_feature_activations",
    "explanations.prompts": "prompt_variants",
    "explanations.windows": "example_selection",
    "explanations.together": "features_per_request",
    "explanations.first": "priority",
    "explanations.mode": "api_mode",
    "explanations.encoder": "sentence_encoder",
    "explanations.encoder_revision": "sentence_encoder_revision",
    "bounds": "quality_bounds",
}
"""Key within a recipe, and what its last part is called now."""
RENAMED_VALUES = {("sae.architecture", "identity"): "neurons"}
"""Key and value, and what the value is called now."""


def renamed(key: str, value: Any) -> str | None:
    """What a refused key or value of a recipe is called now, as a sentence; None if it was never another's name."""
    if key in RENAMED_KEYS:
        return f"{key} is called {RENAMED_KEYS[key]} now"
    if isinstance(value, str) and (key, value) in RENAMED_VALUES:
        return f"{key}: {value} is called {RENAMED_VALUES[key, value]} now"
    return None
