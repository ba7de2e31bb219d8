-- What acts on what in attribution graphs, between nodes that pruning keeps.
create table graph_edge (
    model_id varchar not null,
    experiment_id varchar not null,
    prompt_id integer not null,
    source_node_id integer not null,
    target_node_id integer not null,
    weight double not null,
    share double not null,
    kept boolean not null,
    check (share between 0 and 1.000001)
);

comment on table graph_edge is 'One row per (model_id, experiment_id, prompt_id, source_node_id, target_node_id): a direct effect. Refers to attribution_graph (model_id, experiment_id, prompt_id)';
comment on column graph_edge.model_id is 'Card of the model [id]';
comment on column graph_edge.experiment_id is 'Card of the experiment [id]';
comment on column graph_edge.prompt_id is 'Prompt [index]';
comment on column graph_edge.source_node_id is 'Node that acts [index]';
comment on column graph_edge.target_node_id is 'Node on which it acts [index]';
comment on column graph_edge.weight is 'What the source adds to the target, attention patterns and norms held [unit of the target: activation or logit]';
comment on column graph_edge.share is 'Its size among all that acts on the target in the whole graph; of an imported one among the edges that it has [fraction]';
comment on column graph_edge.kept is 'Whether pruning keeps it [boolean]';
