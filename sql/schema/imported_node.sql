-- What another tool's file says of the nodes of a graph, beside what graph_node holds.
create table imported_node (
    model_id varchar not null,
    experiment_id varchar not null,
    prompt_id integer not null,
    node_id integer not null,
    name varchar not null,
    label varchar,
    cumulative_influence double,
    check (node_id >= 0),
    check (cumulative_influence >= 0)
);

comment on table imported_node is 'One row per (model_id, experiment_id, prompt_id, node_id): a node of an imported graph. Refers to graph_node (model_id, experiment_id, prompt_id, node_id)';
comment on column imported_node.model_id is 'Model under which the graph was imported [id]';
comment on column imported_node.experiment_id is 'Name under which it was imported [id]';
comment on column imported_node.prompt_id is 'Prompt [index]';
comment on column imported_node.node_id is 'Node [index]';
comment on column imported_node.name is 'What the file calls it [text]';
comment on column imported_node.label is 'Label of a feature in the file; null where it has none [text]';
comment on column imported_node.cumulative_influence is 'Share of influence that it and all more influential nodes have, of the graph before it was pruned; null where the file does not say [fraction]';
