-- How well labels fit examples, from the strongest activations to the weakest; the controls are the row without an interval.
-- api: /saes/{model_id}/{recipe_id}/specificity
select
    interval_index,
    n,
    n_failed,
    n_0,
    n_1,
    n_2,
    n_3,
    mean_rating,
    fraction_rated_3
from specificity_by_interval
where model_id = $model_id and recipe_id = $recipe_id
order by interval_index nulls first;
