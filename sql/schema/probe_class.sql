-- Weights of linear probes, class by class: directions that join features and steering vectors.
create table probe_class (
    model_id varchar not null,
    experiment_id varchar not null,
    probe_id integer not null,
    label varchar not null,
    n_train bigint not null,
    n_test bigint not null,
    bias double not null,
    weights float[] not null,
    check (n_train >= 0),
    check (n_test >= 0),
    check (len(weights) > 0)
);

comment on table probe_class is 'One row per (model_id, experiment_id, probe_id, label): one class of a probe. Refers to probe (model_id, experiment_id, probe_id)';
comment on column probe_class.model_id is 'Card of the model [id]';
comment on column probe_class.experiment_id is 'Card of the experiment [id]';
comment on column probe_class.probe_id is 'Probe [index]';
comment on column probe_class.label is 'What the class is called [text]';
comment on column probe_class.n_train is 'Rows of the class to train on [rows]';
comment on column probe_class.n_test is 'Rows of the class to test on [rows]';
comment on column probe_class.bias is 'Added to the class''s logit [nats]';
comment on column probe_class.weights is 'Direction of the class, over the activation or the features as they came [nats per unit]';
