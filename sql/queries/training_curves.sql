-- How did the dictionaries of one model learn, side by side?
select
    model_id,
    tokens,
    recipe_id,
    l0,
    fvu,
    dead_fraction
from sae_training
order by model_id, tokens, recipe_id;
