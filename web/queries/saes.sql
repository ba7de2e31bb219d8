-- The dictionaries that there are.
select
    model_id,
    recipe_id
from sae
order by model_id, recipe_id;
