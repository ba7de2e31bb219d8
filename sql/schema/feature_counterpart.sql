-- For each feature the feature of another model whose activations on the same texts correlate most.
create table feature_counterpart (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    other_model_id varchar not null,
    other_recipe_id varchar not null,
    other_feature_id integer not null,
    correlation double not null,
    shuffled_correlation double not null,
    is_mutual boolean not null,
    n_firings bigint not null,
    n_places bigint not null,
    check (feature_id >= 0),
    check (other_feature_id >= 0),
    check (correlation between -1 and 1),
    check (shuffled_correlation between -1 and 1),
    check (n_firings >= 0),
    check (n_places >= 0)
);

comment on table feature_counterpart is 'One row per (model_id, experiment_id, recipe_id, feature_id): a feature that fires on the texts, with its best counterpart in another model. Refers to experiment (model_id, experiment_id). Refers to feature (model_id, recipe_id, feature_id)';
comment on column feature_counterpart.model_id is 'Card of the model [id]';
comment on column feature_counterpart.experiment_id is 'Card of the experiment [id]';
comment on column feature_counterpart.recipe_id is 'Recipe of its dictionary [id]';
comment on column feature_counterpart.feature_id is 'Latent of it, counted from 0 [index]';
comment on column feature_counterpart.other_model_id is 'Card of the other model [id]';
comment on column feature_counterpart.other_recipe_id is 'Recipe of its dictionary [id]';
comment on column feature_counterpart.other_feature_id is 'Latent of the other dictionary, ties to the lower [index]';
comment on column feature_counterpart.correlation is 'Of the activations of both over the places of the texts at which both models end a token [correlation]';
comment on column feature_counterpart.shuffled_correlation is 'The largest with any feature of the other dictionary when its places are shuffled: what chance gives [correlation]';
comment on column feature_counterpart.is_mutual is 'Whether this feature is in turn the counterpart that correlates most with the other [boolean]';
comment on column feature_counterpart.n_firings is 'Places at which the feature fires: a correlation of few says little [places]';
comment on column feature_counterpart.n_places is 'Places in all [places]';
