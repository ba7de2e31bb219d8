-- Density and strongest activation of these features.
select
    feature_id,
    is_dead,
    density,
    max_activation,
    logit_skew
from feature
where
    model_id = $model_id and recipe_id = $recipe_id
    and feature_id in (select unnest($feature_ids::integer[]));
