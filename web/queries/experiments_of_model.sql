-- What was asked of a model: its experiments by question, the newest question first.
select
    question,
    method,
    list(experiment_id order by created_at desc, experiment_id) as experiment_ids
from experiment
where model_id = $model_id
group by question, method
order by max(created_at) desc, method;
