-- How a prompt becomes the next token, through the features of transcoders in the place of MLPs.
create table attribution_graph (
    model_id varchar not null,
    experiment_id varchar not null,
    prompt_id integer not null,
    n_tokens integer not null,
    n_special integer,
    n_active_features bigint,
    n_features bigint not null,
    left_out_influence double,
    dropped_edges double,
    n_logits integer not null,
    logit_mass double not null,
    replacement_score double,
    completeness_score double,
    node_threshold double,
    edge_threshold double,
    n_kept_nodes bigint not null,
    n_kept_edges bigint not null,
    check (prompt_id >= 0),
    check (n_features between 0 and n_active_features),
    check (left_out_influence between 0 and 1.000001),
    check (dropped_edges between 0 and 1.000001),
    check (replacement_score between -0.000001 and 1.000001),
    check (completeness_score between -0.000001 and 1.000001)
);

comment on table attribution_graph is 'One row per (model_id, experiment_id, prompt_id): an attribution graph and how far it can be trusted. Refers to prompt (model_id, experiment_id, prompt_id)';
comment on column attribution_graph.model_id is 'Card of the model [id]';
comment on column attribution_graph.experiment_id is 'Card of the experiment [id]';
comment on column attribution_graph.prompt_id is 'Prompt [index]';
comment on column attribution_graph.n_tokens is 'Tokens that the model was given, special ones included [tokens]';
comment on column attribution_graph.n_special is 'Special tokens before the text, at which no transcoder reads: their MLP outputs are constants; null of an imported graph [tokens]';
comment on column attribution_graph.n_active_features is 'Features that fire, each position counted; null of an imported graph [features]';
comment on column attribution_graph.n_features is 'Those whose inputs were computed: all, or the most influential; of an imported graph those in the file [features]';
comment on column attribution_graph.left_out_influence is 'Share of all influence that goes to features which were left out; null of an imported graph [fraction]';
comment on column attribution_graph.dropped_edges is 'Share of the sizes of all edges that belongs to edges too small to be kept; null of an imported graph [fraction]';
comment on column attribution_graph.n_logits is 'Tokens whose logits are explained [tokens]';
comment on column attribution_graph.logit_mass is 'Sum of their probabilities [probability]';
comment on column attribution_graph.replacement_score is 'Influence of tokens among that of tokens and errors, of the whole graph: 1 if the answer comes from tokens through features alone; null of an imported graph, of which only what pruning kept is known [fraction]';
comment on column attribution_graph.completeness_score is 'Share of what acts on a node that is no error, weighted by influence, of the whole graph; null of an imported graph [fraction]';
comment on column attribution_graph.node_threshold is 'Share of influence that the kept nodes make up; null where an imported file does not say [fraction]';
comment on column attribution_graph.edge_threshold is 'The same of edges between them; null where an imported file does not say [fraction]';
comment on column attribution_graph.n_kept_nodes is 'Nodes that pruning keeps [nodes]';
comment on column attribution_graph.n_kept_edges is 'Edges that pruning keeps [edges]';
