-- How many features have a best correlation within each twentieth, and with shuffled places.
select
    floor(least(greatest(correlation, 0), 0.999) * 20)::integer as bin,
    count(*) as n,
    count(*) filter (where is_mutual) as n_mutual
from feature_counterpart
where model_id = $model_id and experiment_id = $experiment_id
group by bin
order by bin;
