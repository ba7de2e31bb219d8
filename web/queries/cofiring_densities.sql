-- Density of the features that fire together with this one.
select
    feature_id,
    density
from feature
where
    model_id = $model_id and recipe_id = $recipe_id
    and feature_id in (
        select other_feature_id
        from neighbor
        where
            model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id
            and kind = 'cofiring_jaccard'
    );
