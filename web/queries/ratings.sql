-- How well each label fits, from the weakest activations of the feature to the strongest; controls are without an interval.
select
    r.explanation_id,
    e.label,
    r."interval",
    r.n,
    r.n_failed,
    r.mean_rating,
    r.share_of_3
from feature_specificity_by_interval as r
join explanation as e using (model_id, recipe_id, feature_id, explanation_id)
where r.model_id = $model_id and r.recipe_id = $recipe_id and r.feature_id = $feature_id
order by r.explanation_id, r."interval" nulls first;
