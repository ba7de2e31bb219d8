-- How many features of a crosscoder have a delta within each twentieth.
select
    floor(least(evened_delta, 0.999) * 20) / 20 as lower,
    lower + 0.05 as upper,
    count(*) as n,
    avg(nu_error) as nu_error,
    avg(nu_reconstruction) as nu_reconstruction,
    avg(nu_vector) as nu_vector
from crosscoder_feature
where model_id = $model_id and experiment_id = $experiment_id
group by lower
order by lower;
