-- A crosscoder and how its features are divided.
with counted as (
    select
        kind,
        count(*) as n,
        count(*) filter (where is_believed) as n_believed
    from crosscoder_feature
    where model_id = $model_id and experiment_id = $experiment_id
    group by kind
)

select
    c.*,
    k.kind,
    coalesce(k.n, 0) as n,
    coalesce(k.n_believed, 0) as n_believed
from crosscoder as c
left join counted as k on true
where c.model_id = $model_id and c.experiment_id = $experiment_id
order by k.kind;
