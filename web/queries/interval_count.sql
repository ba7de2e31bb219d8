-- How many intervals the dictionary's examples are drawn from, at least one.
select coalesce(max(interval_index) + 1, 1) as n
from example
where model_id = $model_id and recipe_id = $recipe_id;
