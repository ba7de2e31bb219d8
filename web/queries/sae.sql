-- One dictionary, by its ids.
select
    model_id,
    recipe_id,
    n_features
from sae
where model_id = $model_id and recipe_id = $recipe_id;
