-- How many units have a label that detects so well, of models that have both neurons and features.
with card as (
    select
        c.model_id,
        if(s.architecture = 'neurons', 'neurons', 'features') as basis,
        c.detection
    from feature_card as c
    inner join sae as s using (model_id, recipe_id)
    where c.detection is not null
),

compared as (
    select model_id
    from card
    group by model_id
    having count(distinct basis) = 2
),

counted as (
    select
        model_id,
        basis,
        floor(least(detection, 0.999) * 20) / 20 as slice,
        count(*) as n_here
    from card
    semi join compared using (model_id)
    group by all
)

select
    *,
    n_here / sum(n_here) over (partition by model_id, basis) as share,
    sum(n_here) over (partition by model_id, basis) as n
from counted
order by model_id, basis, slice;
