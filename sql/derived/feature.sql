-- The shape of each feature's direct effect, carried from logit_shape into `feature`, for the dictionaries in `touched`.
update feature
set
    logit_skew = shape.logit_skew,
    logit_kurtosis = shape.logit_kurtosis
from (
    select
        f.model_id,
        f.recipe_id,
        f.feature_id,
        s.logit_skew,
        s.logit_kurtosis
    from feature as f
    semi join touched using (model_id, recipe_id)
    left join logit_shape as s using (model_id, recipe_id, feature_id)
) as shape
where
    feature.model_id = shape.model_id
    and feature.recipe_id = shape.recipe_id
    and feature.feature_id = shape.feature_id;
