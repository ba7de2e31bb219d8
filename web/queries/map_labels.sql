-- Labels and top tokens of some features on the map.
select
    feature_id,
    label,
    top_tokens[:5] as top_tokens
from _feature_summary
where model_id = $model_id and recipe_id = $recipe_id and feature_id in (select unnest($features));
