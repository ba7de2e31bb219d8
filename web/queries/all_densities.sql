-- How many features of each dictionary fire how often, in quarter decades; dead ones are the row without edges.
select
    model_id,
    recipe_id,
    sae_id,
    lower,
    upper,
    n
from density_histogram
order by model_id, recipe_id, lower nulls first;
