-- How well approximate effects of nodes agree with exact ones.
create table circuit_agreement (
    model_id varchar not null,
    experiment_id varchar not null,
    method varchar not null,
    n_nodes bigint not null,
    pearson double,
    spearman double,
    mean_absolute_error double not null,
    mean_absolute_effect double not null,
    check (pearson between -1.000001 and 1.000001),
    check (spearman between -1.000001 and 1.000001)
);

comment on table circuit_agreement is 'One row per (model_id, experiment_id, method): the approximation of a feature circuit on a sample of nodes, half of them the strongest and half drawn. Refers to experiment (model_id, experiment_id)';
comment on column circuit_agreement.model_id is 'Card of the model [id]';
comment on column circuit_agreement.experiment_id is 'Card of the experiment [id]';
comment on column circuit_agreement.method is 'integrated_gradients or attribution [text]';
comment on column circuit_agreement.n_nodes is 'Nodes of the sample [nodes]';
comment on column circuit_agreement.pearson is 'Pearson correlation of approximate and exact effects; null where one of them does not vary [correlation]';
comment on column circuit_agreement.spearman is 'Spearman correlation of the same [correlation]';
comment on column circuit_agreement.mean_absolute_error is 'Mean distance of the two [logit]';
comment on column circuit_agreement.mean_absolute_effect is 'Mean size of the exact effects, to compare it with [logit]';
