-- What becomes of answer and foil when one feature is swapped for another, over the prompts of an experiment.
create table feature_swap_effect (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    feature_off integer not null,
    feature_on integer not null,
    condition varchar not null,
    strength double not null,
    metric varchar not null,
    value double not null,
    unswapped_value double not null,
    effect double not null,
    ci_low double,
    ci_high double,
    unit varchar not null,
    n_pairs integer not null,
    firing_share double not null,
    n_prompts integer not null,
    check (condition in ('pair', 'random_pairs')),
    check (metric in ('answer_probability', 'foil_probability', 'logit_difference', 'foil_is_likeliest')),
    check (n_pairs > 0),
    check (n_prompts > 0),
    check (ci_low <= ci_high)
);

comment on table feature_swap_effect is 'One row per (model_id, experiment_id, feature_off, feature_on, condition, strength, metric): mean over the clean prompts while one feature is off and another on. Refers to experiment (model_id, experiment_id)';
comment on column feature_swap_effect.model_id is 'Card of the model [id]';
comment on column feature_swap_effect.experiment_id is 'Card of the experiment [id]';
comment on column feature_swap_effect.recipe_id is 'Recipe whose dictionary holds the features [id]';
comment on column feature_swap_effect.feature_off is 'Feature that is switched off, or whose place the random pairs take [index]';
comment on column feature_swap_effect.feature_on is 'Feature that is switched on, or whose place the random pairs take [index]';
comment on column feature_swap_effect.condition is 'pair, or random_pairs: the mean over live features of like density, set to the same value at the same positions [name]';
comment on column feature_swap_effect.strength is 'Value of the feature that is switched on, in multiples of feature_on''s strongest activation on the corpus [strength]';
comment on column feature_swap_effect.metric is 'answer_probability, foil_probability, logit_difference (answer - foil) or foil_is_likeliest (whether no token is likelier than the foil) [name]';
comment on column feature_swap_effect.value is 'Mean while swapped [unit]';
comment on column feature_swap_effect.unswapped_value is 'Mean of the plain model on the same prompts [unit]';
comment on column feature_swap_effect.effect is 'value - unswapped_value [unit]';
comment on column feature_swap_effect.ci_low is 'Lower end of the effect''s 95 % interval, by bootstrap over prompts; null for one prompt [unit]';
comment on column feature_swap_effect.ci_high is 'Its upper end [unit]';
comment on column feature_swap_effect.unit is 'Unit of the five numbers before [name]';
comment on column feature_swap_effect.n_pairs is 'Pairs of features: 1, or random ones [pairs]';
comment on column feature_swap_effect.firing_share is 'Share of the prompts on which feature_off fires; on the others nothing is switched off and the last position alone is edited [fraction]';
comment on column feature_swap_effect.n_prompts is 'Prompts [prompts]';
