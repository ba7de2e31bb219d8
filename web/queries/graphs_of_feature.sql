-- Attribution graphs in which the feature is a node that pruning keeps, where it matters most first.
-- nothing without: graph_node
with node as (
    select
        experiment_id,
        prompt_id,
        arg_max(node_id, influence) as node_id,
        arg_max(position, influence) as position,
        arg_max(token, influence) as token,
        arg_max(activation, influence) as activation,
        max(influence) as influence,
        count(*) as n_positions
    from graph_node
    where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id and kept
    group by experiment_id, prompt_id
),

answer as (
    select
        experiment_id,
        prompt_id,
        arg_max(token, probability) as answer
    from graph_node
    where model_id = $model_id and kind = 'logit'
    group by experiment_id, prompt_id
)

select
    n.experiment_id,
    n.prompt_id,
    p.text,
    a.answer,
    n.node_id,
    n.position,
    n.token,
    n.activation,
    n.influence,
    n.n_positions,
    (select count(*) from node) as n_graphs
from node as n
inner join prompt as p
    on p.model_id = $model_id and p.experiment_id = n.experiment_id and p.prompt_id = n.prompt_id
left join answer as a on a.experiment_id = n.experiment_id and a.prompt_id = n.prompt_id
order by n.influence desc, n.experiment_id, n.prompt_id
limit 10;
