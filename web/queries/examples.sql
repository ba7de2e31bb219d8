-- The windows kept of the feature; equal ones of a group are folded into their first on the page.
select
    kind,
    interval_index,
    rank,
    example_id,
    context_id,
    document_id,
    position,
    activation,
    tokens,
    activations,
    peak
from example
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id;
