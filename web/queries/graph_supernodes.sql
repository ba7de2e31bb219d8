-- Features of the graph taken together, by the card's hand, by label and by what they are connected to.
select
    grouping,
    name,
    cluster,
    n_nodes,
    n_features,
    first_layer,
    last_layer,
    positions,
    influence,
    node_ids
from graph_supernode
where model_id = $model_id and experiment_id = $experiment_id and prompt_id = $prompt_id
order by grouping, influence desc, name, cluster
limit 60;
