-- The windows of some features that contain a text where the feature fires, in any case; controls are not looked at.
select
    feature_id,
    kind,
    interval_index,
    rank,
    document_id,
    context_id,
    position,
    activation,
    tokens,
    activations,
    peak
from example
where
    model_id = $model_id and recipe_id = $recipe_id
    and feature_id between $first and $last
    and kind <> 'control'
    and contains(lower(array_to_string(tokens, '')), lower($text))
order by feature_id, kind desc, interval_index desc, rank
limit $most;
