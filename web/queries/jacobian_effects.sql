-- The tokens that the feature disposes the model to say, now or later: its direction through the newest Jacobian lens.
-- nothing without: jacobian_effect
select
    direction,
    rank,
    token_id,
    token,
    logit_weight
from logit_effect_by_kind
where
    model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id
    and kind = 'jacobian';
