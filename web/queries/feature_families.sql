-- The families of a dictionary, the largest first.
select
    family_id,
    name,
    n_features,
    tightness,
    members,
    commonest_token,
    n_top_tokens
from feature_family_card
where model_id = $model_id and recipe_id = $recipe_id
order by n_features desc, family_id
limit 40;
