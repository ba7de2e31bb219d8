-- How many units have each share at their strongest frequency, and with shuffled pairs.
select
    floor(least(share, 0.999) * 20) / 20 as lower,
    lower + 0.05 as upper,
    count(*) as n,
    avg(shuffled_share) as shuffled_share
from unit_frequency
where model_id = $model_id and experiment_id = $experiment_id
group by lower
order by lower;
