-- How well each label fits, from the weakest activations of the feature to the strongest; controls are without an interval.
select
    explanation_id,
    "interval",
    n,
    n_failed,
    n_0,
    n_1,
    n_2,
    n_3,
    mean_rating,
    share_of_3
from feature_specificity_by_interval
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id
order by explanation_id, "interval" nulls first;
