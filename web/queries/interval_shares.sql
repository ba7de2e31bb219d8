-- The share of the feature's firings that lies in each interval: equal slices of (0, strongest activation].
with sliced as (
    select
        least(floor((lower + upper) / 2 / max(upper) over () * $n_intervals), $n_intervals - 1)::integer as "interval",
        lower,
        upper,
        n
    from activation_histogram
    where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id and upper > 0
)

select
    "interval",
    min(lower) as lower,
    max(upper) as upper,
    sum(n)::bigint as n,
    sum(n) / nullif(sum(sum(n)) over (), 0) as share
from sliced
group by "interval"
order by "interval" desc;
