-- Metrics of the edits of an experiment, by state of the weights.
select
    condition,
    metric,
    value,
    ci_low,
    ci_high,
    unit,
    n_facts,
    n_prompts
from edit_metric
where model_id = $model_id and experiment_id = $experiment_id
order by condition, metric;
