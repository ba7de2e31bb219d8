-- Nodes that pruning keeps in the graph of a prompt, the most influential first; features with their labels, or those of an imported file.
with ranked as (
    select
        *,
        sum(influence) over (order by influence desc, node_id) / nullif(sum(influence) over (), 0) as cumulative_influence
    from graph_node
    where model_id = $model_id and experiment_id = $experiment_id and prompt_id = $prompt_id
)

select
    n.node_id,
    n.kind,
    n.layer,
    n.position,
    n.recipe_id,
    n.feature_id,
    coalesce(f.label, i.label) as label,
    f.top_tokens,
    f.density,
    n.token_id,
    n.token,
    n.activation,
    n.probability,
    n.influence,
    coalesce(i.cumulative_influence, n.cumulative_influence) as cumulative_influence,
    n.error_share,
    n.supernode
from ranked as n
left join feature_card as f using (model_id, recipe_id, feature_id)
left join imported_node as i
    on i.model_id = n.model_id and i.experiment_id = n.experiment_id and i.prompt_id = n.prompt_id and i.node_id = n.node_id
where n.kept or n.kind = 'logit'
order by n.influence desc, n.node_id;
