-- How many represented features of the toys, and of the dictionary, have each share of a dimension.
with share as (
    select 'toys' as basis, dimensionality
    from toy_feature
    where model_id = $model_id and experiment_id = $experiment_id and norm * norm > 0.5
    union all
    select 'dictionary' as basis, dimensionality
    from feature_interference
    where model_id = $model_id and experiment_id = $experiment_id
)

select
    basis,
    floor(least(dimensionality, 0.999) * 20) / 20 as lower,
    lower + 0.05 as upper,
    count(*) as n
from share
group by all
order by basis desc, lower;
