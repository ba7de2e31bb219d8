-- Features of any dictionary whose labels are most similar in meaning to a text, by one encoder.
select
    model_id,
    recipe_id,
    feature_id,
    label,
    top_tokens[:5] as top_tokens,
    specificity_above_controls,
    density,
    similarity
from find_features(null, $vector::float[], $encoder);
