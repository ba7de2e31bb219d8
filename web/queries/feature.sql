-- Density, activations and geometry of the feature.
select
    feature_id,
    is_dead,
    density,
    n_firings,
    n_tokens,
    mean_activation,
    std_activation,
    max_activation,
    decoder_norm,
    encoder_decoder_cosine,
    logit_skew,
    logit_kurtosis
from feature
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id;
