-- The features on a list, in its order, with what is known of each.
select
    e.place,
    e.model_id,
    e.recipe_id,
    e.feature_id,
    e.note,
    s.label,
    s.specificity_above_controls,
    s.top_tokens[:5] as top_tokens,
    f.density
from feature_list_entry as e
left join feature as f using (model_id, recipe_id, feature_id)
left join _feature_summary as s using (model_id, recipe_id, feature_id)
where e.list_id = $list_id
order by e.place;
