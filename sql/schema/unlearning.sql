-- What is forgotten and what stays when features of a dictionary are set below 0.
create table unlearning (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    forgotten varchar not null,
    condition varchar not null,
    half varchar not null,
    max_retain_rate double,
    n_features bigint,
    multiple double,
    feature_ids bigint[] not null,
    is_selected boolean not null,
    forget_accuracy double not null,
    forget_ci_low double,
    forget_ci_high double,
    forget_loss double not null,
    n_forget bigint not null,
    retain_accuracy double not null,
    retain_ci_low double,
    retain_ci_high double,
    retain_loss double not null,
    n_retain bigint not null,
    n_asked bigint not null,
    check (condition in ('unedited', 'chosen', 'random')),
    check (half in ('choosing', 'reporting')),
    check (forget_accuracy between 0 and 1),
    check (retain_accuracy between 0 and 1)
);

comment on table unlearning is 'One row per (model_id, experiment_id, forgotten, condition, half, max_retain_rate, n_features, multiple): prompts asked again with features set below 0. Refers to experiment (model_id, experiment_id)';
comment on column unlearning.model_id is 'Card of the model [id]';
comment on column unlearning.experiment_id is 'Card of the experiment [id]';
comment on column unlearning.recipe_id is 'Recipe whose features are set [id]';
comment on column unlearning.forgotten is 'Label whose prompts are to be answered no more [text]';
comment on column unlearning.condition is 'unedited; chosen: features that fire most on the label''s tokens and seldom on the others''; random: as many of like density [name]';
comment on column unlearning.half is 'choosing: groups that choose features and setting; reporting: the others [name]';
comment on column unlearning.max_retain_rate is 'Largest share of the retained tokens on which a feature may fire; null unedited [fraction]';
comment on column unlearning.n_features is 'Features that are set, if so many fire on the label''s tokens; null unedited [features]';
comment on column unlearning.multiple is 'How far below 0, of each feature''s largest activation; null unedited [max activation]';
comment on column unlearning.feature_ids is 'Those that are set, most frequent first; of random ones those that were drawn [id]';
comment on column unlearning.is_selected is 'Whether the choosing half has this setting as the one of its condition that forgets most and keeps .99 of the rest [boolean]';
comment on column unlearning.forget_accuracy is 'Share of the label''s prompts whose answer is still the likeliest token; all are answered rightly unedited [fraction]';
comment on column unlearning.forget_ci_low is 'Lower end of the 95 % interval, bootstrap over groups [fraction]';
comment on column unlearning.forget_ci_high is 'Upper end [fraction]';
comment on column unlearning.forget_loss is 'Mean loss of their answers [nats]';
comment on column unlearning.n_forget is 'Prompts of the label in this half [prompts]';
comment on column unlearning.retain_accuracy is 'The same of the other labels'' prompts [fraction]';
comment on column unlearning.retain_ci_low is 'Lower end of the 95 % interval, bootstrap over groups [fraction]';
comment on column unlearning.retain_ci_high is 'Upper end [fraction]';
comment on column unlearning.retain_loss is 'Mean loss of their answers [nats]';
comment on column unlearning.n_retain is 'Prompts of the other labels in this half [prompts]';
comment on column unlearning.n_asked is 'Prompts of the label, those included that the model answers wrongly [prompts]';
