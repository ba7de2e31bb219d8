-- The images that experiments made for one feature.
-- nothing without: optimised_image
with numbered as (
    select
        *,
        row_number() over (
            partition by experiment_id
            order by site, feature_id nulls last, channel nulls last, direction nulls last, image_seed
        ) - 1 as number
    from optimised_image
    where model_id = $model_id
)

select
    experiment_id,
    number,
    image_seed,
    objective,
    value,
    start_value,
    activation,
    max_activation,
    side
from numbered
where recipe_id = $recipe_id and feature_id = $feature_id
order by experiment_id, number
limit 64;
