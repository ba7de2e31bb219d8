-- From which frequency on half of the words have a feature.
create table coverage_law (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    n_features integer not null,
    n_alive integer not null,
    n_concepts integer not null,
    n_covered integer not null,
    n_tokens bigint not null,
    half_rate double,
    half_rate_ci_low double,
    half_rate_ci_high double,
    steepness double,
    one_per_feature double,
    check (n_concepts >= 0),
    check (n_covered between 0 and n_concepts)
);

comment on table coverage_law is 'One row per (model_id, experiment_id, recipe_id): a dictionary. Refers to experiment (model_id, experiment_id)';
comment on column coverage_law.model_id is 'Card of the model [id]';
comment on column coverage_law.experiment_id is 'Card of the experiment [id]';
comment on column coverage_law.recipe_id is 'Recipe of the dictionary [id]';
comment on column coverage_law.n_features is 'Its features [features]';
comment on column coverage_law.n_alive is 'Those that fire on the texts [features]';
comment on column coverage_law.n_concepts is 'Words that were counted [words]';
comment on column coverage_law.n_covered is 'Those that have a feature [words]';
comment on column coverage_law.n_tokens is 'Tokens of the texts [tokens]';
comment on column coverage_law.half_rate is 'Share of the tokens at which half of the words have a feature, by a logistic curve over its logarithm; null where frequency says nothing [fraction]';
comment on column coverage_law.half_rate_ci_low is 'Lower end of its 95 % interval, over draws of words [fraction]';
comment on column coverage_law.half_rate_ci_high is 'Upper end [fraction]';
comment on column coverage_law.steepness is 'Of the log odds per tenfold rate [nats]';
comment on column coverage_law.one_per_feature is 'One over the live features: about the rate below which Templeton et al. found no feature [fraction]';
