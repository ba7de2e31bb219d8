-- Bins of which the table `activation_histogram` says other counts than the codes hold.
with bins as (
    select
        feature_id,
        bin,
        lower,
        n
    from read_parquet($histogram, hive_partitioning = false)
    where list_contains($features, feature_id)
),

counted as (
    select
        b.feature_id,
        b.bin,
        count(*) as n
    from read_parquet($codes, hive_partitioning = false) as c
    asof join bins as b
        on c.feature_id = b.feature_id and c.activation::double > b.lower
    where list_contains($features, c.feature_id)
    group by b.feature_id, b.bin
)

select
    b.feature_id,
    b.bin,
    b.n as said_n,
    coalesce(c.n, 0) as n
from bins as b
left join counted as c using (feature_id, bin)
where abs(b.n - coalesce(c.n, 0)) > $slack
order by b.feature_id, b.bin;
