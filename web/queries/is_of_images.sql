-- Whether the dictionary is of a vision model.
-- nothing without: patch_example
select position_kind
from patch_example
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id
limit 1;
