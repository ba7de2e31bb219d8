-- What taking one label's features out of texts does to its own probe and to the others'.
create table targeted_perturbation (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    label varchar,
    condition varchar not null,
    n_latents integer not null,
    feature_ids bigint[],
    unablated_accuracy double not null,
    intended double not null,
    unintended double not null,
    score double not null,
    ci_low double,
    ci_high double,
    n_test bigint not null,
    check (condition in ('chosen', 'random')),
    check (n_latents > 0),
    check (unablated_accuracy between 0 and 1),
    check (n_test >= 0)
);

comment on table targeted_perturbation is 'One row per (model_id, experiment_id, label, condition, n_latents): features of a label taken out of test texts (targeted probe perturbation). Refers to experiment (model_id, experiment_id)';
comment on column targeted_perturbation.model_id is 'Card of the model [id]';
comment on column targeted_perturbation.experiment_id is 'Card of the experiment [id]';
comment on column targeted_perturbation.recipe_id is 'Recipe whose features are taken out [id]';
comment on column targeted_perturbation.label is 'Label whose features are taken out; null for the mean over the labels [text]';
comment on column targeted_perturbation.condition is 'chosen: those that the label''s probe goes by; random: as many that fire in training texts, mean over draws [name]';
comment on column targeted_perturbation.n_latents is 'Features that are taken out, if so many move the probe [features]';
comment on column targeted_perturbation.feature_ids is 'Those that were chosen, most telling first; null of random ones and of the mean [id]';
comment on column targeted_perturbation.unablated_accuracy is 'Of the label''s own probe with nothing taken out, on as many texts with the label as without [fraction]';
comment on column targeted_perturbation.intended is 'Accuracy that the own probe loses; at most unablated_accuracy - .5 in expectation [fraction]';
comment on column targeted_perturbation.unintended is 'Accuracy that the other labels'' probes lose, their mean [fraction]';
comment on column targeted_perturbation.score is 'intended - unintended [fraction]';
comment on column targeted_perturbation.ci_low is 'Lower end of the 95 % interval of the score, bootstrap over groups; null where a draw can lack a label [fraction]';
comment on column targeted_perturbation.ci_high is 'Upper end [fraction]';
comment on column targeted_perturbation.n_test is 'Test texts that the label''s own probe is asked about, half of them with the label; of the mean their sum over the labels [texts]';
