-- What acts on what once features are taken together: shares between clusters of a graph, and tokens and logits.
with named as (
    select
        model_id,
        experiment_id,
        prompt_id,
        unnest(node_ids) as node_id,
        name || coalesce(' #' || cluster, '') as name
    from graph_supernode
    where grouping = 'cluster'
),

node as (
    select
        n.model_id,
        n.experiment_id,
        n.prompt_id,
        n.node_id,
        coalesce(s.name, n.kind || ' ' || n.token || ' @' || n.position) as name,
        n.influence + coalesce(n.probability, 0) as importance
    from graph_node as n
    left join named as s using (model_id, experiment_id, prompt_id, node_id)
    where n.kept and (s.name is not null or n.kind in ('token', 'logit'))
)

select
    e.model_id,
    e.experiment_id,
    e.prompt_id,
    a.name as source,
    b.name as target,
    count(*) as n_edges,
    sum(e.share * b.importance) / sum(b.importance) as share
from graph_edge as e
inner join node as a
    on
        a.model_id = e.model_id and a.experiment_id = e.experiment_id and a.prompt_id = e.prompt_id
        and a.node_id = e.source_node_id
inner join node as b
    on
        b.model_id = e.model_id and b.experiment_id = e.experiment_id and b.prompt_id = e.prompt_id
        and b.node_id = e.target_node_id
where a.name <> b.name
group by all
order by e.model_id, e.experiment_id, e.prompt_id, share desc, source, target
limit 100;
