-- Tokens that a feature promotes or suppresses when its direction is read by the unembedding.
create table logit_effect (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    direction varchar not null,
    rank integer not null,
    token_id bigint,
    token varchar not null,
    logit_weight double not null,
    check (feature_id >= 0),
    check (direction in ('positive', 'negative')),
    check (rank >= 0),
    check (token_id >= 0),
    check (isfinite(logit_weight))
);

comment on table logit_effect is 'One row per (model_id, recipe_id, feature_id, direction, rank): a token at one end of a feature''s direct effect. Refers to feature (model_id, recipe_id, feature_id)';
comment on column logit_effect.model_id is 'Card of the model [id]';
comment on column logit_effect.recipe_id is 'Card of the recipe [id]';
comment on column logit_effect.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column logit_effect.direction is 'positive (promoted) or negative (suppressed) [text]';
comment on column logit_effect.rank is 'Place from that end [index]';
comment on column logit_effect.token_id is 'Token in the vocabulary; null where an import does not say [index]';
comment on column logit_effect.token is 'The token as text [text]';
comment on column logit_effect.logit_weight is 'Direct effect of the unit decoder direction [logit]';
