-- Which features point the same way?
select
    n.model_id || '/' || n.recipe_id as sae_id,
    n.feature_id,
    n.other_feature_id,
    n.value as cosine,
    a.label,
    b.label as other_label
from neighbor as n
left join feature_card as a using (model_id, recipe_id, feature_id)
left join feature_card as b
    on b.model_id = n.other_model_id and b.recipe_id = n.other_recipe_id and b.feature_id = n.other_feature_id
where n.kind = 'decoder_cosine' and n.rank = 0 and n.feature_id < n.other_feature_id
order by n.value desc, sae_id, n.feature_id
limit 20;
