-- The windows kept of the feature, equal ones of a group folded into their first; rating is of the label shown first.
with kept as (
    select
        kind,
        "interval",
        rank,
        example_id,
        context_id,
        document_id,
        position,
        activation,
        tokens,
        activations,
        peak,
        count(*) over same as n_same
    from example
    where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id
    window same as (partition by kind, "interval", tokens, peak)
    qualify row_number() over (partition by kind, "interval", tokens, peak order by rank) = 1
),

rated as (
    select
        example_id,
        rating,
        reason,
        status as rating_status
    from specificity
    where
        model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id
        and explanation_id = $explanation_id
)

select
    k.*,
    r.rating,
    r.reason,
    r.rating_status
from kept as k
left join rated as r using (example_id)
order by array_position(['top', 'interval', 'random'], k.kind), k."interval" desc, k.rank;
