-- Where the dictionary's weights lie, in the layout of SAELens; a feature dump has none.
select
    uri,
    d_in,
    origin,
    architecture <> 'unknown' as has_weights
from sae
where model_id = $model_id and recipe_id = $recipe_id;
