-- How the dictionary learnt.
-- api: /saes/{model_id}/{recipe_id}/training
select
    tokens,
    loss,
    fvu,
    l0,
    dead_fraction
from sae_training
where model_id = $model_id and recipe_id = $recipe_id
order by step;
