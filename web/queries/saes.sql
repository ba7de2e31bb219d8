-- The dictionaries that there are.
select
    model_id,
    recipe_id,
    n_features
from sae
order by model_id, recipe_id;
