-- The images that an experiment made, numbered as their addresses are.
with numbered as (
    select
        *,
        row_number() over (
            order by site, feature_id nulls last, channel nulls last, direction nulls last, image_seed
        ) - 1 as number
    from optimised_image
    where model_id = $model_id and experiment_id = $experiment_id
)

select
    n.number,
    coalesce('feature ' || n.feature_id, 'channel ' || n.channel, 'direction ' || n.direction) as unit,
    n.recipe_id,
    n.site,
    n.feature_id,
    n.channel,
    n.direction,
    n.image_seed,
    n.objective,
    n.value,
    n.start_value,
    n.activation,
    n.max_activation,
    n.steps,
    n.side,
    n.basis,
    f.label
from numbered as n
left join _feature_summary as f
    on f.model_id = $model_id and n.recipe_id = f.recipe_id and n.feature_id = f.feature_id
order by n.number
limit 200;
