-- The label of the feature that is shown first, its scores, and the tokens that the feature peaks on.
select
    explanation_id,
    label,
    explainer,
    author,
    n_labels_tested,
    detection,
    detection_ci_low,
    detection_ci_high,
    headline_scores,
    density_weighted_scores,
    specificity_mean,
    specificity_density_weighted,
    fraction_rated_3,
    control_rating,
    specificity_above_controls,
    top_tokens
from _feature_summary
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id;
