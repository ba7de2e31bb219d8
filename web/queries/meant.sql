-- The features of any dictionary whose labels mean most nearly what a text means, as one encoder reads both.
select
    model_id,
    recipe_id,
    feature_id,
    label,
    top_tokens[:5] as top_tokens,
    specificity_mean,
    density,
    similarity
from find_features(null, $vector::float[], $encoder);
