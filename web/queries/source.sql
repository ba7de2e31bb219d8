-- The dictionary that a client of Neuronpedia means by a source: layer-recipe_id, else recipe_id alone.
select
    model_id,
    recipe_id,
    coalesce(layer, 0) || '-' || recipe_id as source,
    site,
    layer,
    n_features,
    n_intervals,
    created_at
from sae
where model_id = $model_id and (coalesce(layer, 0) || '-' || recipe_id = $source or recipe_id = $source)
order by recipe_id = $source
limit 1;
