-- The strongest paths of each attribution graph, from a token or an error to a logit: one row a step.
with recursive path as (
    select prompt_id, node_id, [node_id] as nodes, [null::double] as weights, probability as strength
    from graph_node
    where
        model_id = $model_id and experiment_id = $experiment_id and kind = 'logit'
        and prompt_id between $first_prompt and $last_prompt
    union all
    select
        e.prompt_id,
        e.source_node_id,
        list_prepend(e.source_node_id, p.nodes),
        list_prepend(e.weight, p.weights),
        p.strength * e.share
    from path as p
    inner join graph_edge as e on e.prompt_id = p.prompt_id and e.target_node_id = p.node_id
    where e.model_id = $model_id and e.experiment_id = $experiment_id and e.kept and p.strength * e.share > 0.0003
),

strongest as (
    select p.prompt_id, p.nodes, p.weights, p.strength
    from path as p
    inner join graph_node as n
        on n.model_id = $model_id and n.experiment_id = $experiment_id
        and n.prompt_id = p.prompt_id and n.node_id = p.node_id
    where n.kind = 'token' and len(p.nodes) > 2
    qualify row_number() over (partition by p.prompt_id order by p.strength desc, p.nodes) <= 10
),

step as (
    select
        prompt_id,
        strength,
        row_number() over (partition by prompt_id order by strength desc, nodes) as place,
        unnest(nodes) as node_id,
        unnest(weights) as weight,
        generate_subscripts(nodes, 1) as step
    from strongest
)

select
    s.prompt_id,
    s.place,
    s.step,
    s.strength,
    s.weight,
    n.kind,
    n.layer,
    n.position,
    n.token,
    n.recipe_id,
    n.feature_id,
    f.label
from step as s
inner join graph_node as n
    on n.model_id = $model_id and n.experiment_id = $experiment_id
    and n.prompt_id = s.prompt_id and n.node_id = s.node_id
left join feature_card as f
    on f.model_id = $model_id and f.recipe_id = n.recipe_id and f.feature_id = n.feature_id
order by s.prompt_id, s.place, s.step;
