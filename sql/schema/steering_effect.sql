-- How much steering changes, over the prompts of an experiment.
create table steering_effect (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    condition varchar not null,
    strength double not null,
    split varchar not null,
    metric varchar not null,
    value double not null,
    unsteered_value double not null,
    effect double not null,
    ci_low double,
    ci_high double,
    unit varchar not null,
    n_prompts integer not null,
    is_best boolean not null,
    target_tokens varchar[] not null,
    check (split in ('all', 'selection', 'report')),
    check (n_prompts > 0),
    check (ci_low <= ci_high)
);

comment on table steering_effect is 'One row per (model_id, experiment_id, feature_id, condition, strength, split, metric): mean over the prompts of what steering_completion holds of each. Refers to experiment (model_id, experiment_id)';
comment on column steering_effect.model_id is 'Card of the model [id]';
comment on column steering_effect.experiment_id is 'Card of the experiment [id]';
comment on column steering_effect.recipe_id is 'Recipe whose dictionary holds the features [id]';
comment on column steering_effect.feature_id is 'Feature that is steered [index]';
comment on column steering_effect.condition is 'The feature itself or a baseline of it, as in steering_completion [name]';
comment on column steering_effect.strength is 'In the unit of the card''s settings [strength]';
comment on column steering_effect.split is 'Prompts that are meant: all, selection (the best strength is chosen on these) or report [name]';
comment on column steering_effect.metric is 'target_log_probability, surprise, repetition, kl or steering_score, and where a judge was asked judge_concept, judge_instruction, judge_fluency, judge_hmean, as in steering_completion [name]';
comment on column steering_effect.value is 'Mean while steered [unit]';
comment on column steering_effect.unsteered_value is 'Mean of the plain model on the same prompts; 0 of kl and steering_score [unit]';
comment on column steering_effect.effect is 'value - unsteered_value [unit]';
comment on column steering_effect.ci_low is 'Lower end of the effect''s 95 % interval, by bootstrap over groups of prompts; null for one group [unit]';
comment on column steering_effect.ci_high is 'Its upper end [unit]';
comment on column steering_effect.unit is 'Unit of the five numbers before [name]';
comment on column steering_effect.n_prompts is 'Prompts; of a judge''s metrics, those that it rated [prompts]';
comment on column steering_effect.is_best is 'Whether the strength has the highest mean on the selecting half: of judge_hmean where a judge was asked, else of steering_score [flag]';
comment on column steering_effect.target_tokens is 'Tokens that stand for the concept [text]';
