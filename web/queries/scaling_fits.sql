-- The laws of a sweep.
select *
from scaling_fit
where model_id = $model_id and experiment_id = $experiment_id
order by k;
