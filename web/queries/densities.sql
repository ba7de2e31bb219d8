-- How many features of the dictionary fire how often, in quarter decades; dead ones are the row without edges.
-- api: /saes/{model_id}/{recipe_id}/densities
select
    lower,
    upper,
    n
from density_histogram
where model_id = $model_id and recipe_id = $recipe_id
order by lower nulls first;
