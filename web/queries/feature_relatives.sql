-- What a feature stands under and what stands under it.
-- nothing without: feature_parent
with relative as (
    select
        'parent' as relation,
        model_id as other_model_id,
        parent_recipe_id as other_recipe_id,
        parent_id as other_feature_id,
        kind,
        share,
        lift,
        cosine,
        parent_density as other_density
    from feature_tree
    where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id
    union all
    select
        'child' as relation,
        model_id as other_model_id,
        recipe_id as other_recipe_id,
        feature_id as other_feature_id,
        kind,
        share,
        lift,
        cosine,
        density as other_density
    from feature_tree
    where model_id = $model_id and parent_recipe_id = $recipe_id and parent_id = $feature_id
)

select *
from relative
qualify row_number() over (partition by relation order by other_density desc, other_feature_id) <= 20
order by relation desc, kind, other_density desc, other_feature_id;
