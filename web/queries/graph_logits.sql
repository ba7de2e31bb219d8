-- Tokens whose logits the graph of a prompt explains, the likeliest first.
select
    node_id,
    token_id,
    token,
    probability,
    error_share
from graph_node
where model_id = $model_id and experiment_id = $experiment_id and prompt_id = $prompt_id and kind = 'logit'
order by probability desc, node_id;
