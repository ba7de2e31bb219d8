-- The labels of the features that the feature is found again as.
with found as (
    select
        model_id,
        other_recipe_id,
        other_feature_id
    from dictionary_match
    where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id
)

select
    f.other_recipe_id,
    c.label
from found as f
join feature_card as c
    on c.model_id = f.model_id and c.recipe_id = f.other_recipe_id and c.feature_id = f.other_feature_id
order by f.other_recipe_id;
