-- Edges that pruning keeps in the graph of a prompt, from a share of what acts on their target upwards.
select
    source_node_id,
    target_node_id,
    weight,
    share
from graph_edge
where
    model_id = $model_id and experiment_id = $experiment_id and prompt_id = $prompt_id
    and kept and share >= $least_share
order by target_node_id, share desc, source_node_id;
