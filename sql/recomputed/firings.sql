-- Features of which the table `feature` says other firings than the codes hold.
with counted as (
    select
        feature_id,
        count(*) as n_firings,
        max(activation::double) as max_activation,
        avg(activation::double) as mean_activation
    from read_parquet($codes, hive_partitioning = false)
    where list_contains($features, feature_id)
    group by feature_id
)

select
    f.feature_id,
    f.n_firings as said_n_firings,
    coalesce(c.n_firings, 0) as n_firings,
    f.max_activation as said_max_activation,
    c.max_activation,
    f.mean_activation as said_mean_activation,
    c.mean_activation,
    f.density as said_density,
    coalesce(c.n_firings, 0) / $n_tokens as density
from read_parquet($feature, hive_partitioning = false) as f
left join counted as c using (feature_id)
where
    list_contains($features, f.feature_id)
    and (
        abs(f.n_firings - coalesce(c.n_firings, 0)) > $tolerance * f.n_firings
        or abs(f.density - coalesce(c.n_firings, 0) / $n_tokens) > 1e-9 + $tolerance * f.density
        or (f.max_activation is null) <> (c.max_activation is null)
        or abs(f.max_activation - c.max_activation) > (1e-6 + $tolerance) * f.max_activation
        or abs(f.mean_activation - c.mean_activation) > (1e-6 + $tolerance) * f.mean_activation
    )
order by f.feature_id;
