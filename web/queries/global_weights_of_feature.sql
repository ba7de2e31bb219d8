-- Which features of other blocks act on the feature, or it on them, most strongly where both fire: one row a pair.
-- nothing without: global_weight
with pair as (
    select
        experiment_id,
        'upstream' as direction,
        source_place as place,
        source_recipe_id as other_recipe_id,
        source_feature_id as other_feature_id,
        virtual_weight,
        expected_weight,
        share,
        n_together
    from global_weight
    where
        model_id = $model_id and target_recipe_id = $recipe_id and target_feature_id = $feature_id
        and source_place is not null
    union all
    select
        experiment_id,
        'downstream' as direction,
        target_place as place,
        target_recipe_id as other_recipe_id,
        target_feature_id as other_feature_id,
        virtual_weight,
        expected_weight,
        share,
        n_together
    from global_weight
    where
        model_id = $model_id and source_recipe_id = $recipe_id and source_feature_id = $feature_id
        and target_place is not null
)

select
    *,
    $model_id as other_model_id
from pair
order by experiment_id, direction desc, place
limit 200;
