-- What a watched model does differently on a standing prompt set: tagged features' rates, FVU, and how many features drifted.
create table alert (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    check_name varchar not null,
    feature_id integer,
    tag varchar,
    other_model_id varchar not null,
    other_weights_sha256 varchar not null,
    value double not null,
    reference double not null,
    low double not null,
    high double not null,
    is_raised boolean not null,
    n_contexts bigint not null,
    check (feature_id >= 0),
    check (value >= 0),
    check (n_contexts >= 0),
    check (check_name in ('rate', 'fvu', 'drifted_features'))
);

comment on table alert is 'One row per (model_id, experiment_id, recipe_id, check_name, feature_id): a check. Refers to experiment (model_id, experiment_id)';
comment on column alert.model_id is 'Card of the model [id]';
comment on column alert.experiment_id is 'Card of the experiment [id]';
comment on column alert.recipe_id is 'Recipe of the dictionary that both models are read with [id]';
comment on column alert.check_name is 'rate of a watched feature, fvu of the dictionary, or drifted_features: how many [name]';
comment on column alert.feature_id is 'The watched feature; null of other checks [index]';
comment on column alert.tag is 'What lists of the registry say that it might warn of; null where the card alone names it [text]';
comment on column alert.other_model_id is 'Card of the watched model [id]';
comment on column alert.other_weights_sha256 is 'Hash of its weights [sha256]';
comment on column alert.value is 'In the watched model [fraction or features]';
comment on column alert.reference is 'In the first model [fraction or features]';
comment on column alert.low is 'Lower end of what passes: of a rate, of its band in the first model over draws of prompts [fraction or features]';
comment on column alert.high is 'Upper end [fraction or features]';
comment on column alert.is_raised is 'Whether the value lies outside [boolean]';
comment on column alert.n_contexts is 'Texts that both read [texts]';
