-- The tokens that the feature's direction promotes and suppresses.
select
    direction,
    rank,
    token_id,
    token,
    logit_weight
from logit_effect
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id;
