-- How much features of a dictionary stand in each other's way, on texts.
create table feature_interference (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    dimensionality double not null,
    leak double not null,
    silent_leak double not null,
    n_firings bigint not null,
    n_tokens bigint not null,
    check (feature_id >= 0),
    check (dimensionality between 0 and 1),
    check (leak >= 0),
    check (silent_leak >= 0)
);

comment on table feature_interference is 'One row per (model_id, experiment_id, recipe_id, feature_id): a feature that fires on the texts. Refers to experiment (model_id, experiment_id). Refers to feature (model_id, recipe_id, feature_id)';
comment on column feature_interference.model_id is 'Card of the model [id]';
comment on column feature_interference.experiment_id is 'Card of the experiment [id]';
comment on column feature_interference.recipe_id is 'Recipe of the dictionary [id]';
comment on column feature_interference.feature_id is 'Latent of it, counted from 0 [index]';
comment on column feature_interference.dimensionality is 'What share of a dimension it has among the live features: 1 over the sum of squared cosines with all of them [dimensions]';
comment on column feature_interference.leak is 'Root mean square of what others write along its direction where it fires, over that of its activation [fraction]';
comment on column feature_interference.silent_leak is 'The same where it is silent, over its root mean square where it fires [fraction]';
comment on column feature_interference.n_firings is 'Tokens of the texts on which it fires [tokens]';
comment on column feature_interference.n_tokens is 'Tokens of the texts [tokens]';
