-- What is left of the answer when only some nodes keep their clean value.
select
    subset,
    n_nodes,
    metric,
    metric_without,
    metric_of_model,
    faithfulness,
    faithfulness_ci_low,
    faithfulness_ci_high,
    n_prompts
from circuit_faithfulness
where model_id = $model_id and experiment_id = $experiment_id
order by n_nodes, subset;
