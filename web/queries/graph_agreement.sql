-- How well the graph predicts what changes in the model: means over the features that were changed.
select
    frozen,
    target,
    count(distinct node_id) as n_nodes,
    count(*) as n_changes,
    count(spearman) as n_spearman,
    avg(spearman) as spearman,
    count(cosine) as n_cosine,
    avg(cosine) as cosine,
    sum(actual_size) / nullif(sum(predicted_size), 0) as size_ratio
from graph_check
where model_id = $model_id and experiment_id = $experiment_id and prompt_id = $prompt_id
group by frozen, target
order by frozen, target desc;
