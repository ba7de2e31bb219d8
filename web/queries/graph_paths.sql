-- The strongest paths to a logit: a path's share is the product of its edges' shares of what acts on their targets.
-- Of each length the 2,000 strongest parts of paths are followed: every path above 0.05 % is found. Twelve of each kind
-- are given: from tokens and from what transcoders leave out, direct ones and those through features.
with recursive edge as materialized (
    select
        source_node_id,
        target_node_id,
        weight,
        share
    from graph_edge
    where
        model_id = $model_id and experiment_id = $experiment_id and prompt_id = $prompt_id
        and kept and share > 0
),

path as (
    select
        $target_node_id::integer as node_id,
        [$target_node_id::integer] as node_ids,
        1.0::double as share,
        1 as sign
    union all
    select
        e.source_node_id,
        list_prepend(e.source_node_id, p.node_ids),
        p.share * e.share,
        case when e.weight < 0 then -p.sign else p.sign end
    from path as p
    inner join edge as e on e.target_node_id = p.node_id
    qualify row_number() over (order by p.share * e.share desc, e.source_node_id) <= 2000
)

select
    n.kind as starts_at,
    len(p.node_ids) = 2 as is_direct,
    p.node_ids,
    p.share,
    p.sign
from path as p
inner join graph_node as n
    on
        n.model_id = $model_id and n.experiment_id = $experiment_id and n.prompt_id = $prompt_id
        and n.node_id = p.node_id
where n.kind in ('token', 'error')
qualify row_number() over (partition by n.kind, len(p.node_ids) = 2 order by p.share desc, p.node_ids) <= 12
order by p.share desc, p.node_ids;
