-- The label of the feature that is shown first, its scores, and the tokens that the feature peaks on.
select
    explanation_id,
    label,
    specificity_mean,
    specificity_density_weighted,
    fraction_rated_3,
    control_rating,
    top_tokens
from _feature_summary
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id;
