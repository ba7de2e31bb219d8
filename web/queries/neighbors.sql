-- The features that point or fire most like this one.
select
    kind,
    rank,
    other_model_id,
    other_recipe_id,
    other_feature_id,
    value
from neighbor
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id;
