-- What changes in the model when a feature of its attribution graph is changed, beside what the graph predicts.
create table graph_check (
    model_id varchar not null,
    experiment_id varchar not null,
    prompt_id integer not null,
    node_id integer not null,
    factor double not null,
    frozen boolean not null,
    target varchar not null,
    n_targets bigint not null,
    spearman double,
    cosine double,
    predicted_size double not null,
    actual_size double not null,
    check (target in ('logits', 'features')),
    check (spearman between -1.000001 and 1.000001),
    check (cosine between -1.000001 and 1.000001),
    check (n_targets > 0)
);

comment on table graph_check is 'One row per (model_id, experiment_id, prompt_id, node_id, factor, frozen, target): one feature changed at its position. Refers to attribution_graph (model_id, experiment_id, prompt_id)';
comment on column graph_check.model_id is 'Card of the model [id]';
comment on column graph_check.experiment_id is 'Card of the experiment [id]';
comment on column graph_check.prompt_id is 'Prompt [index]';
comment on column graph_check.node_id is 'Feature that is changed [index]';
comment on column graph_check.factor is 'What its activation is multiplied by: 0 ablates it [ratio]';
comment on column graph_check.frozen is 'Whether attention patterns and scales of norms are held as they were; MLPs answer as they do [boolean]';
comment on column graph_check.target is 'logits: those of the graph; features: the later ones of the graph, at their positions [text]';
comment on column graph_check.n_targets is 'Values that are compared [values]';
comment on column graph_check.spearman is 'Rank correlation of predicted and actual changes; null of fewer than three, or where one of them does not vary [correlation]';
comment on column graph_check.cosine is 'Cosine of the two vectors of changes; null where one is 0 [cosine]';
comment on column graph_check.predicted_size is 'Length of the predicted vector [unit of the targets]';
comment on column graph_check.actual_size is 'Length of the actual one [unit of the targets]';
