-- Dictionaries of a sweep: how wide, how sparse, how long, and what they leave.
create table scaling_run (
    model_id varchar not null,
    experiment_id varchar not null,
    n_features integer not null,
    k integer not null,
    seed integer not null,
    rate_factor double not null,
    learning_rate double not null,
    n_tokens bigint not null,
    n_steps bigint not null,
    fvu double not null,
    training_fvu double not null,
    n_alive integer not null,
    fall double not null,
    flops double not null,
    is_converged boolean not null,
    check (n_features > 0),
    check (k > 0),
    check (n_alive between 0 and n_features),
    check (fvu >= 0),
    check (rate_factor > 0)
);

comment on table scaling_run is 'One row per (model_id, experiment_id, n_features, k, seed, rate_factor): a dictionary that was trained and measured, and not kept. Refers to experiment (model_id, experiment_id)';
comment on column scaling_run.model_id is 'Card of the model [id]';
comment on column scaling_run.experiment_id is 'Card of the experiment [id]';
comment on column scaling_run.n_features is 'Features that were asked for [features]';
comment on column scaling_run.k is 'Features that fire on a token [features]';
comment on column scaling_run.seed is 'Of its first weights, counted from 0 [index]';
comment on column scaling_run.rate_factor is 'Multiple of the sweep''s learning rate [times]';
comment on column scaling_run.learning_rate is 'Peak rate of Adam [rate]';
comment on column scaling_run.n_tokens is 'Tokens that it was trained with, repeated ones counted [tokens]';
comment on column scaling_run.n_steps is 'Steps [steps]';
comment on column scaling_run.fvu is 'Share of the variance that it leaves on the card''s texts [fraction]';
comment on column scaling_run.training_fvu is 'The same on its last training tokens [fraction]';
comment on column scaling_run.n_alive is 'Features that fire on the card''s texts [features]';
comment on column scaling_run.fall is 'By how much the log of the training FVU still fell over a fifth of the run, just before the learning rate did [nats]';
comment on column scaling_run.flops is 'Floating-point operations of its training, 12 width features tokens [operations]';
comment on column scaling_run.is_converged is 'Whether the fall is small enough for the run to count [boolean]';
