-- How well a label of the feature predicts where it fires.
select
    scorer,
    metric,
    value,
    low,
    high,
    n,
    n_failed
from explanation_score
where model_id = $model_id and recipe_id = $recipe_id and explanation_id = $explanation_id;
