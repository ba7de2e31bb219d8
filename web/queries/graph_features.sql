-- The most influential features of each attribution graph, with their labels, and the logits that it explains.
select
    n.prompt_id,
    n.node_id,
    n.kind,
    n.layer,
    n.position,
    n.token,
    n.recipe_id,
    n.feature_id,
    f.label,
    n.supernode,
    n.activation,
    n.probability,
    n.influence,
    n.error_share
from graph_node as n
left join feature_card as f using (model_id, recipe_id, feature_id)
where
    n.model_id = $model_id and n.experiment_id = $experiment_id
    and n.prompt_id between $first_prompt and $last_prompt and n.kind in ('feature', 'logit') and n.kept
qualify row_number() over (partition by n.prompt_id, n.kind order by n.influence desc, n.probability desc, n.node_id) <= 12
order by n.prompt_id, n.kind, n.influence desc, n.probability desc, n.node_id;
