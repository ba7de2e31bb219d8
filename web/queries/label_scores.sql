-- Scores and ratings of each label of the feature, by all its windows: means over intervals, alike and weighted by firings, and of the controls.
-- api: /saes/{model_id}/{recipe_id}/features/{feature_id}/scores
select
    explanation_id,
    scores,
    specificity_mean,
    specificity_density_weighted,
    fraction_rated_3,
    control_rating,
    specificity_above_controls,
    detection,
    headline_scores,
    density_weighted_scores,
    n_ratings,
    n_failed
from _feature_label
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id and part = 'all';
