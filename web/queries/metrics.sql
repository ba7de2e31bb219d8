-- What was measured of the dictionary.
-- api: /saes/{model_id}/{recipe_id}/metrics
select
    split,
    metric,
    value,
    unit,
    n_tokens
from sae_metric
where model_id = $model_id and recipe_id = $recipe_id
order by split, metric;
