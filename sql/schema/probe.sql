-- Linear probes: what was asked of which activations.
create table probe (
    model_id varchar not null,
    experiment_id varchar not null,
    probe_id integer not null,
    task varchar not null,
    site varchar not null,
    layer integer not null,
    recipe_id varchar,
    position_rule varchar not null,
    n_classes integer not null,
    n_inputs integer not null,
    feature_ids bigint[],
    n_train bigint not null,
    n_test bigint not null,
    n_train_groups bigint not null,
    n_test_groups bigint not null,
    penalty double not null,
    check (probe_id >= 0),
    check (layer >= -1),
    check (n_classes >= 0),
    check (n_inputs >= 0),
    check (n_train >= 0),
    check (n_test >= 0),
    check (penalty > 0)
);

comment on table probe is 'One row per (model_id, experiment_id, probe_id): a linear classifier of one task on one set of activations. Refers to experiment (model_id, experiment_id)';
comment on column probe.model_id is 'Card of the model [id]';
comment on column probe.experiment_id is 'Card of the experiment [id]';
comment on column probe.probe_id is 'Number of the probe within its experiment [index]';
comment on column probe.task is 'What is told: label, or a task of Python''s structure such as bracket_depth [text]';
comment on column probe.site is 'Where the activations are read [text]';
comment on column probe.layer is 'Block of the site; -1 where the stream enters the first [index]';
comment on column probe.recipe_id is 'Recipe whose codes are read; null where it is the activation itself [id]';
comment on column probe.position_rule is 'Which tokens are rows: last, subject, mean, or every token [text]';
comment on column probe.n_classes is 'Labels that are told apart [labels]';
comment on column probe.n_inputs is 'Numbers that the probe reads of a row [numbers]';
comment on column probe.feature_ids is 'Features that these are; null of an activation [id]';
comment on column probe.n_train is 'Rows to train on [rows]';
comment on column probe.n_test is 'Rows to test on [rows]';
comment on column probe.n_train_groups is 'Groups that these come from [groups]';
comment on column probe.n_test_groups is 'Groups that these come from, none of them trained on [groups]';
comment on column probe.penalty is 'Weight of |w|²/2 beside the mean cross-entropy, columns scaled to variance 1 [nats]';
