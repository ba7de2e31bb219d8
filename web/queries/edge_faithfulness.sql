-- How much of the answer the strongest edges keep, over all prompts.
select
    direction,
    method,
    n_edges,
    max(n_all) as n_all,
    count(*) as n_prompts,
    sum("value" - corrupt_metric) / nullif(sum(clean_metric - corrupt_metric), 0) as faithfulness
from edge_faithfulness
where model_id = $model_id and experiment_id = $experiment_id
group by all
order by direction, n_edges, method;
