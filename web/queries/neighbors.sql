-- The features that point or fire most like this one. Those whose dictionary is not in this file are kept, without a label.
with near as (
    select
        kind,
        rank,
        other_model_id,
        other_recipe_id,
        other_feature_id,
        value
    from neighbor
    where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id
),

-- An inner join of few rows reads only where their features lie; a left join would read every card.
known as (
    select
        n.kind,
        n.rank,
        c.label,
        c.top_tokens[:5] as top_tokens
    from near as n
    join feature_card as c
        on c.model_id = n.other_model_id and c.recipe_id = n.other_recipe_id and c.feature_id = n.other_feature_id
)

select
    n.*,
    k.label,
    k.top_tokens
from near as n
left join known as k using (kind, rank)
order by n.kind desc, n.rank;
