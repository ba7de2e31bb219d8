-- Features of one cluster of the map, those that fire most often first.
select
    m.feature_id,
    s.label,
    s.top_tokens[:5] as top_tokens,
    f.density
from feature_map as m
join feature as f using (model_id, recipe_id, feature_id)
left join _feature_summary as s using (model_id, recipe_id, feature_id)
where m.model_id = $model_id and m.recipe_id = $recipe_id and m.cluster_id = $cluster_id
order by f.density desc, m.feature_id
limit 200;
