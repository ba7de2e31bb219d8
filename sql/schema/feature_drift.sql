-- Features that fire more or less often in another model, read with the same dictionary on the same texts.
create table feature_drift (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    other_model_id varchar not null,
    rate double not null,
    other_rate double not null,
    log2_ratio double not null,
    difference double not null,
    standard_error double not null,
    q double,
    is_drifted boolean not null,
    n_contexts bigint not null,
    check (feature_id >= 0),
    check (rate between 0 and 1),
    check (other_rate between 0 and 1),
    check (standard_error >= 0),
    check (q between 0 and 1),
    check (n_contexts >= 0)
);

comment on table feature_drift is 'One row per (model_id, experiment_id, recipe_id, feature_id): a feature that fires in either model. Refers to experiment (model_id, experiment_id). Refers to feature (model_id, recipe_id, feature_id)';
comment on column feature_drift.model_id is 'Card of the model whose dictionary it is [id]';
comment on column feature_drift.experiment_id is 'Card of the experiment [id]';
comment on column feature_drift.recipe_id is 'Recipe of the dictionary [id]';
comment on column feature_drift.feature_id is 'Latent of it, counted from 0 [index]';
comment on column feature_drift.other_model_id is 'Card of the model that is compared with [id]';
comment on column feature_drift.rate is 'Share of the tokens on which it fires in the first model [fraction]';
comment on column feature_drift.other_rate is 'The same in the other [fraction]';
comment on column feature_drift.log2_ratio is 'log2 of other firings over firings, half a firing added to each: 1 is twice as often [doublings]';
comment on column feature_drift.difference is 'Of the rates, other less first, mean over contexts [fraction]';
comment on column feature_drift.standard_error is 'Its standard error over contexts, each paired with itself [fraction]';
comment on column feature_drift.q is 'Share of false discoveries among the features that are no worse (Benjamini and Hochberg); null where it fires fewer than 20 times in both together [fraction]';
comment on column feature_drift.is_drifted is 'q below .05 and twice or half as often [boolean]';
comment on column feature_drift.n_contexts is 'Contexts that are compared [contexts]';
