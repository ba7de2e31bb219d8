-- What a model writes under one edit, and what it writes without.
create table steering_completion (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    condition varchar not null,
    strength double not null,
    prompt_id integer not null,
    split varchar not null,
    kind varchar not null,
    value double not null,
    residual_share double not null,
    random_feature_id integer,
    completion varchar not null,
    unsteered_completion varchar not null,
    n_tokens integer not null,
    target_log_probability double not null,
    unsteered_target_log_probability double not null,
    surprise double not null,
    unsteered_surprise double not null,
    repetition double not null,
    unsteered_repetition double not null,
    kl double not null,
    steering_score double not null,
    judge_concept integer,
    judge_instruction integer,
    judge_fluency integer,
    judge_hmean double,
    unsteered_judge_concept integer,
    unsteered_judge_instruction integer,
    unsteered_judge_fluency integer,
    unsteered_judge_hmean double,
    check (condition in ('feature', 'random_feature', 'random_direction', 'mean_difference', 'prompting')),
    check (split in ('selection', 'report')),
    check (n_tokens > 0),
    check (surprise >= 0),
    check (repetition between 0 and 1),
    check (kl >= 0),
    check (steering_score between 0 and 1.000001),
    check (judge_concept between 0 and 2),
    check (judge_instruction between 0 and 2),
    check (judge_fluency between 0 and 2),
    check (judge_hmean between 0 and 2)
);

comment on table steering_completion is 'One row per (model_id, experiment_id, feature_id, condition, strength, prompt_id): what the model writes after a prompt while a feature is steered, or under a baseline of it. Refers to prompt (model_id, experiment_id, prompt_id)';
comment on column steering_completion.model_id is 'Card of the model [id]';
comment on column steering_completion.experiment_id is 'Card of the experiment [id]';
comment on column steering_completion.recipe_id is 'Recipe whose dictionary holds the features [id]';
comment on column steering_completion.feature_id is 'Feature that is steered [index]';
comment on column steering_completion.condition is 'feature: the feature itself is edited; random_feature: another live one of like density, to the same value; random_direction, mean_difference: the change is added along another direction of the same length; prompting: nothing is edited, the concept stands before the prompt [name]';
comment on column steering_completion.strength is 'In the unit of the card''s settings; 0 of prompting and of ablate [strength]';
comment on column steering_completion.prompt_id is 'Prompt [index]';
comment on column steering_completion.split is 'Half of the prompts, by groups: selection, on which the best strength is chosen, or report [name]';
comment on column steering_completion.kind is 'What becomes of the activation: clamp, min_clamp, add, scale, ablate; none of prompting [name]';
comment on column steering_completion.value is 'Activation that is set or added, or the factor of scale [activation]';
comment on column steering_completion.residual_share is 'Length of value × decoder row over the mean norm of what is edited; 0 of scale, ablate and prompting [fraction]';
comment on column steering_completion.random_feature_id is 'Feature that is edited instead, of condition random_feature [index]';
comment on column steering_completion.completion is 'What is written, up to the token that ends a text [text]';
comment on column steering_completion.unsteered_completion is 'What the plain model writes [text]';
comment on column steering_completion.n_tokens is 'Tokens of the completion [tokens]';
comment on column steering_completion.target_log_probability is 'Logarithm of the probability that the next token is one of the concept''s, mean over the places of the unsteered completion [nats]';
comment on column steering_completion.unsteered_target_log_probability is 'The same of the plain model [nats]';
comment on column steering_completion.surprise is 'Mean negative log-likelihood of the completion under the plain model [nats/token]';
comment on column steering_completion.unsteered_surprise is 'The same of the unsteered completion [nats/token]';
comment on column steering_completion.repetition is 'Share of the completion''s trigrams that stood in it before [fraction]';
comment on column steering_completion.unsteered_repetition is 'The same of the unsteered completion [fraction]';
comment on column steering_completion.kl is 'KL divergence of the plain model''s next-token distribution from the steered one, mean over the places of the unsteered completion [nats]';
comment on column steering_completion.steering_score is 'Harmonic mean of 1 - (target''s probability without over with steering), exp(-surprise beyond the unsteered), and 1 - repetition; 0 where the target grew no likelier [fraction]';
comment on column steering_completion.judge_concept is 'Judge''s rating of how much of the concept the completion has; null where no judge was asked, or it said nothing [0-2]';
comment on column steering_completion.judge_instruction is 'Judge''s rating of how well it answers or goes on from the prompt; null as before [0-2]';
comment on column steering_completion.judge_fluency is 'Judge''s rating of how fluent it is; null as before [0-2]';
comment on column steering_completion.judge_hmean is 'Harmonic mean of the three, 0 where one is 0; null where one is null [0-2]';
comment on column steering_completion.unsteered_judge_concept is 'The same of the unsteered completion [0-2]';
comment on column steering_completion.unsteered_judge_instruction is 'The same of the unsteered completion [0-2]';
comment on column steering_completion.unsteered_judge_fluency is 'The same of the unsteered completion [0-2]';
comment on column steering_completion.unsteered_judge_hmean is 'The same of the unsteered completion [0-2]';
