-- Features of an attribution graph taken together: supernodes.
-- Three ways, in grouping: as the experiment's card groups them (hand), by one label
-- (label), and by being acted on by the same nodes and acting on the same ones (cluster, called after its most influential label).
-- Grain: one row per (model_id, experiment_id, prompt_id, grouping, name, cluster); of kept features, groups of two or more.
create view graph_supernode as
with node as (
    select
        n.*,
        f.label
    from graph_node as n
    left join feature_card as f using (model_id, recipe_id, feature_id)
    where n.kept and n.kind = 'feature'
),

member as (
    select *, 'hand' as grouping, supernode as name, null::integer as of_cluster
    from node
    where supernode is not null
    union all
    select *, 'label' as grouping, label as name, null::integer as of_cluster
    from node
    where label is not null
    union all
    select *, 'cluster' as grouping, null as name, cluster as of_cluster
    from node
    where cluster is not null
)

select
    model_id,
    experiment_id,
    prompt_id,
    grouping,
    coalesce(name, arg_max(label, influence), 'cluster ' || of_cluster) as name,
    of_cluster as cluster,
    count(*) as n_nodes,
    count(distinct (recipe_id, feature_id)) as n_features,
    min(layer) as first_layer,
    max(layer) as last_layer,
    list(distinct position order by position) as positions,
    sum(influence) as influence,
    list(node_id order by influence desc, node_id) as node_ids
from member
group by model_id, experiment_id, prompt_id, grouping, name, of_cluster
having count(*) > 1 or grouping = 'hand';

comment on column graph_supernode.model_id is 'Card of the model [id]';
comment on column graph_supernode.experiment_id is 'Card of the experiment [id]';
comment on column graph_supernode.prompt_id is 'Prompt [index]';
comment on column graph_supernode.grouping is 'hand, label or cluster [text]';
comment on column graph_supernode.name is 'Name on the card, or label; of a cluster the label of its most influential feature [text]';
comment on column graph_supernode.cluster is 'Number of the cluster; null of other groupings [index]';
comment on column graph_supernode.n_nodes is 'Kept nodes, a feature at several positions counted at each [nodes]';
comment on column graph_supernode.n_features is 'Different features among them [features]';
comment on column graph_supernode.first_layer is 'First block of its features [index]';
comment on column graph_supernode.last_layer is 'Last one [index]';
comment on column graph_supernode.positions is 'Where its nodes stand, ascending [positions]';
comment on column graph_supernode.influence is 'Sum over its nodes; what passes through two of them counts twice [probability]';
comment on column graph_supernode.node_ids is 'Its nodes, the most influential first [indices]';
