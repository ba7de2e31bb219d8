-- Best label, scores and top tokens of these features.
select
    feature_id,
    label,
    label_status,
    specificity_above_controls,
    detection,
    top_tokens[:5] as top_tokens
from _feature_summary
where
    model_id = $model_id and recipe_id = $recipe_id
    and feature_id in (select unnest($feature_ids::integer[]));
