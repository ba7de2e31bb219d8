-- The dictionary at a glance.
select *
from sae_summary
where model_id = $model_id and recipe_id = $recipe_id;
