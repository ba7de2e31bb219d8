-- What some features of a dictionary are called, and the tokens they peak on.
select
    feature_id,
    label,
    top_tokens[:5] as top_tokens
from _feature_summary
where
    model_id = $other_model_id and recipe_id = $other_recipe_id
    and feature_id in (select unnest($feature_ids::integer[]));
