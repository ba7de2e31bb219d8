-- Features matched in both dictionaries whose labels differ, most similar first.
select
    m.feature_id,
    a.label,
    m.other_feature_id,
    b.label as other_label,
    m.cosine
from feature_match as m
join _feature_summary as a using (model_id, recipe_id, feature_id)
join _feature_summary as b
    on b.model_id = m.model_id and b.recipe_id = m.other_recipe_id and b.feature_id = m.other_feature_id
where
    m.model_id = $model_id and m.recipe_id = $recipe_id and m.other_recipe_id = $other_recipe_id
    and m.is_mutual and m.cosine > same_feature_cosine()
    and lower(a.label) <> lower(b.label)
order by m.cosine desc, m.feature_id
limit 100;
