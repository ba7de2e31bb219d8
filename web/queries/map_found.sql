-- Features on the map whose label or top tokens contain a text.
select m.feature_id
from feature_map as m
join _feature_summary as s using (model_id, recipe_id, feature_id)
where
    m.model_id = $model_id
    and m.recipe_id = $recipe_id
    and contains(s.search_text, searchable_text($text))
order by m.feature_id
limit 50001;
