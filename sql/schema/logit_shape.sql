-- Shape of each feature's direct effect on the logits, as its stage wrote it; `feature` repeats both numbers.
create table logit_shape (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    logit_skew double,
    logit_kurtosis double,
    check (feature_id >= 0),
    check (isfinite(logit_skew)),
    check (isfinite(logit_kurtosis))
);

comment on table logit_shape is 'One row per (model_id, recipe_id, feature_id): the shape of a feature''s direct effect on the logits. Refers to feature (model_id, recipe_id, feature_id)';
comment on column logit_shape.model_id is 'Card of the model [id]';
comment on column logit_shape.recipe_id is 'Card of the recipe [id]';
comment on column logit_shape.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column logit_shape.logit_skew is 'Skewness over the vocabulary [1]';
comment on column logit_shape.logit_kurtosis is 'Kurtosis over the vocabulary [1]';
