-- Where the feature's direction is found again in other dictionaries of the model.
-- api: /saes/{model_id}/{recipe_id}/features/{feature_id}/matches
-- nothing without: feature_match
select
    model_id as other_model_id,
    other_recipe_id,
    other_feature_id,
    cosine,
    is_mutual,
    n_split_features
from feature_match
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id;
