-- Features learned for two models, or two sites, at once: how well they hold either.
create table crosscoder (
    model_id varchar not null,
    experiment_id varchar not null,
    other_model_id varchar not null,
    site varchar not null,
    other_site varchar not null,
    activation varchar not null,
    n_features integer not null,
    n_alive integer not null,
    l0 double not null,
    fvu double not null,
    other_fvu double not null,
    scale double not null,
    other_scale double not null,
    median_delta double,
    n_tokens bigint not null,
    n_training_tokens bigint not null,
    check (n_alive between 0 and n_features),
    check (l0 >= 0),
    check (fvu >= 0),
    check (other_fvu >= 0),
    check (median_delta between 0 and 1),
    check (activation in ('batchtopk', 'l1'))
);

comment on table crosscoder is 'One row per (model_id, experiment_id): a crosscoder. Refers to experiment (model_id, experiment_id)';
comment on column crosscoder.model_id is 'Card of the model [id]';
comment on column crosscoder.experiment_id is 'Card of the experiment [id]';
comment on column crosscoder.other_model_id is 'Card of the model of the second side [id]';
comment on column crosscoder.site is 'What is read of the first side [site]';
comment on column crosscoder.other_site is 'What is read of the second [site]';
comment on column crosscoder.activation is 'How features are made sparse: batchtopk or l1 [name]';
comment on column crosscoder.n_features is 'Features in all [features]';
comment on column crosscoder.n_alive is 'Those that fire on the texts [features]';
comment on column crosscoder.l0 is 'Features that fire on a token of the texts, on average [features]';
comment on column crosscoder.fvu is 'Share of the first side''s variance that is left, on the texts [fraction]';
comment on column crosscoder.other_fvu is 'The same of the second side [fraction]';
comment on column crosscoder.scale is 'What the first side''s centred activations are multiplied by, so that their mean squared norm is their width [1/activation]';
comment on column crosscoder.other_scale is 'The same of the second side [1/activation]';
comment on column crosscoder.median_delta is 'Median of delta over the features that fire; null where none does [fraction]';
comment on column crosscoder.n_tokens is 'Tokens of the texts that were measured [tokens]';
comment on column crosscoder.n_training_tokens is 'Tokens that were learned from, repeated ones counted [tokens]';
