-- Features that drifted most, and how many did.
with counted as (
    select
        count(*) filter (where q is not null) as n_tested,
        count(*) filter (where is_drifted and log2_ratio > 0) as n_more,
        count(*) filter (where is_drifted and log2_ratio < 0) as n_less
    from feature_drift
    where model_id = $model_id and experiment_id = $experiment_id
)

select
    f.recipe_id,
    f.feature_id,
    f.other_model_id,
    f.rate,
    f.other_rate,
    f.log2_ratio,
    f.difference,
    f.standard_error,
    f.q,
    f.is_drifted,
    f.n_contexts,
    c.n_tested,
    c.n_more,
    c.n_less,
    l.label
from feature_drift as f
cross join counted as c
left join _feature_summary as l using (model_id, recipe_id, feature_id)
where f.model_id = $model_id and f.experiment_id = $experiment_id and f.q is not null
qualify row_number() over (order by abs(f.difference) / greatest(f.standard_error, 1e-12) desc, f.feature_id) <= 30
order by abs(f.difference) / greatest(f.standard_error, 1e-12) desc, f.feature_id;
