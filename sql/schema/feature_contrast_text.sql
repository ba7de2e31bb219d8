-- Test texts that a feature tells right, takes for the label though they lack it, or misses.
create table feature_contrast_text (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    label varchar not null,
    feature_id integer not null,
    kind varchar not null,
    rank integer not null,
    prompt_id integer not null,
    activation double not null,
    check (feature_id >= 0),
    check (kind in ('right', 'false_alarm', 'miss')),
    check (rank >= 0)
);

comment on table feature_contrast_text is 'One row per (model_id, experiment_id, recipe_id, label, feature_id, kind, rank): a test text as a feature tells it. Refers to experiment (model_id, experiment_id)';
comment on column feature_contrast_text.model_id is 'Card of the model [id]';
comment on column feature_contrast_text.experiment_id is 'Card of the experiment [id]';
comment on column feature_contrast_text.recipe_id is 'Recipe whose feature it is [id]';
comment on column feature_contrast_text.label is 'Label that is told from all others [text]';
comment on column feature_contrast_text.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column feature_contrast_text.kind is 'right: has the label and is taken for it; false_alarm: lacks it and is taken for it; miss: has it and is not taken for it [name]';
comment on column feature_contrast_text.rank is 'Place within its kind, the clearest first [index]';
comment on column feature_contrast_text.prompt_id is 'Row of the set [index]';
comment on column feature_contrast_text.activation is 'The feature''s pooled activation [activation]';
