-- Along which paths do prompts become their next tokens?
with recursive path as (
    select model_id, experiment_id, prompt_id, node_id, [node_id] as nodes, probability as strength, 1 as sign
    from graph_node
    where kind = 'logit'
    union all
    select
        e.model_id,
        e.experiment_id,
        e.prompt_id,
        e.source_node_id,
        list_prepend(e.source_node_id, p.nodes),
        p.strength * e.share,
        p.sign * sign(e.weight)::integer
    from path as p
    inner join graph_edge as e
        on e.model_id = p.model_id and e.experiment_id = p.experiment_id and e.prompt_id = p.prompt_id
        and e.target_node_id = p.node_id
    where e.kept and p.strength * e.share > 0.001
),

strongest as (
    select p.model_id, p.experiment_id, p.prompt_id, p.nodes, p.strength, p.sign
    from path as p
    inner join graph_node as n using (model_id, experiment_id, prompt_id, node_id)
    where n.kind in ('token', 'error')
    order by p.strength desc, p.nodes
    limit 20
),

step as (
    select *, unnest(nodes) as node_id, generate_subscripts(nodes, 1) as place
    from strongest
)

select
    s.experiment_id,
    s.prompt_id,
    s.strength,
    s.sign,
    string_agg(
        case n.kind
            when 'feature' then coalesce(f.label, n.recipe_id || '/' || n.feature_id)
            when 'error' then 'error of block ' || n.layer
            else n.token
        end,
        ' → '
        order by s.place
    ) as path
from step as s
inner join graph_node as n using (model_id, experiment_id, prompt_id, node_id)
left join feature_card as f using (model_id, recipe_id, feature_id)
group by s.model_id, s.experiment_id, s.prompt_id, s.nodes, s.strength, s.sign
order by s.strength desc, s.prompt_id, s.nodes;
