-- The toy models of an experiment.
select *
from toy_model
where model_id = $model_id and experiment_id = $experiment_id
order by toy_id;
