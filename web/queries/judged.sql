-- How each example of the feature was rated against each of its labels, and why.
select
    explanation_id,
    example_id,
    interval_index,
    rating,
    reason,
    status
from specificity
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id;
