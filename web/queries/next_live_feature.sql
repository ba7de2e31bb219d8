-- The next live feature, from a number on and then from the beginning.
select feature_id
from feature
where model_id = $model_id and recipe_id = $recipe_id and not is_dead
order by feature_id < $start, feature_id
limit 1;
