-- Which features have another label in another dictionary, where they are found again?
-- A pair that is found from either side stands once; labels that differ in case only are the same.
select
    m.model_id,
    m.recipe_id,
    m.feature_id,
    m.other_recipe_id,
    m.other_feature_id,
    m.cosine,
    a.label,
    b.label as other_label
from feature_match as m
join feature_card as a using (model_id, recipe_id, feature_id)
join feature_card as b
    on b.model_id = m.model_id and b.recipe_id = m.other_recipe_id and b.feature_id = m.other_feature_id
where m.cosine > same_feature_cosine() and lower(a.label) <> lower(b.label)
qualify row_number() over (
    partition by
        m.model_id,
        least((m.recipe_id, m.feature_id), (m.other_recipe_id, m.other_feature_id)),
        greatest((m.recipe_id, m.feature_id), (m.other_recipe_id, m.other_feature_id))
    order by m.recipe_id
) = 1
order by m.cosine desc, m.model_id, m.recipe_id, m.feature_id, m.other_recipe_id, m.other_feature_id
limit 50;
