-- Ratings of each example of the feature against each of its labels, with reasons.
-- api: /saes/{model_id}/{recipe_id}/features/{feature_id}/ratings
-- nothing without: specificity
select
    explanation_id,
    example_id,
    interval_index,
    rating,
    reason,
    status
from specificity
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id;
