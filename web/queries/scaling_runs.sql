-- The runs of a sweep.
select *
from scaling_run
where model_id = $model_id and experiment_id = $experiment_id
order by k, n_features, rate_factor, seed
limit 500;
