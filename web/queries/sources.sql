-- The sources of a model: its dictionaries by the names that clients of Neuronpedia use.
select
    recipe_id,
    coalesce(layer, 0) || '-' || recipe_id as source
from sae
where model_id = $model_id
order by coalesce(layer, 0), recipe_id;
