-- The feature at a glance.
select *
from feature_card
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id;
