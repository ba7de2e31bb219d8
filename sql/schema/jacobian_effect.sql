-- Tokens that a feature disposes the model to say, read through a Jacobian lens.
create table jacobian_effect (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    direction varchar not null,
    rank integer not null,
    token_id bigint not null,
    token varchar not null,
    logit_weight double not null,
    check (feature_id >= 0),
    check (rank >= 0),
    check (token_id >= 0),
    check (isfinite(logit_weight))
);

comment on table jacobian_effect is 'One row per (model_id, experiment_id, recipe_id, feature_id, direction, rank): a token at one end of the effect of a feature''s direction through the lens that the experiment fitted or read; logit_effect_by_kind holds it beside the direct effect. Refers to experiment (model_id, experiment_id)';
comment on column jacobian_effect.model_id is 'Card of the model [id]';
comment on column jacobian_effect.experiment_id is 'Card of the experiment whose lens it is [id]';
comment on column jacobian_effect.recipe_id is 'Recipe of the dictionary [id]';
comment on column jacobian_effect.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column jacobian_effect.direction is 'positive (promoted) or negative (suppressed) [text]';
comment on column jacobian_effect.rank is 'Place from that end [index]';
comment on column jacobian_effect.token_id is 'Token in the vocabulary [index]';
comment on column jacobian_effect.token is 'The token as text [text]';
comment on column jacobian_effect.logit_weight is 'Effect of the unit decoder direction, carried to the last stream by the mean derivative over current and later positions [logit]';
