-- Features in whose way others stand most, and how they stand on the whole.
with own as (
    select *
    from feature_interference
    where model_id = $model_id and experiment_id = $experiment_id
)

select
    o.*,
    f.label,
    median(o.leak) over () as median_leak,
    median(o.silent_leak) over () as median_silent_leak,
    median(o.dimensionality) over () as median_dimensionality,
    count(*) over () as n_features
from own as o
left join _feature_summary as f using (model_id, recipe_id, feature_id)
order by (o.n_firings >= 20) desc, o.leak desc, o.feature_id
limit 20;
