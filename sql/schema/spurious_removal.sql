-- How much of a probe's bias goes when features of the spurious label are taken out of texts.
create table spurious_removal (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    target varchar not null,
    condition varchar not null,
    n_latents integer not null,
    feature_ids bigint[],
    biased_accuracy double not null,
    clean_accuracy double not null,
    accuracy double not null,
    score double,
    ci_low double,
    ci_high double,
    is_reported boolean not null,
    labels varchar[] not null,
    spurious_labels varchar[] not null,
    n_test bigint not null,
    check (target in ('label', 'spurious')),
    check (condition in ('chosen', 'random')),
    check (n_latents > 0),
    check (biased_accuracy between 0 and 1),
    check (clean_accuracy between 0 and 1),
    check (accuracy between 0 and 1),
    check (n_test >= 0)
);

comment on table spurious_removal is 'One row per (model_id, experiment_id, target, condition, n_latents): a biased probe asked about texts with features taken out (spurious correlation removal). Refers to experiment (model_id, experiment_id)';
comment on column spurious_removal.model_id is 'Card of the model [id]';
comment on column spurious_removal.experiment_id is 'Card of the experiment [id]';
comment on column spurious_removal.recipe_id is 'Recipe whose features are taken out [id]';
comment on column spurious_removal.target is 'What the biased probe is asked for: label, features of the spurious label being out, or spurious, features of the label being out [name]';
comment on column spurious_removal.condition is 'chosen: features that the other label''s probe goes by; random: as many that fire in training texts, mean over draws [name]';
comment on column spurious_removal.n_latents is 'Features that are taken out, if so many move the probe [features]';
comment on column spurious_removal.feature_ids is 'Those that were chosen, most telling first; null of random ones [id]';
comment on column spurious_removal.biased_accuracy is 'Of the biased probe with nothing taken out, on as many test texts of each of the four combinations [fraction]';
comment on column spurious_removal.clean_accuracy is 'Of a probe that was fitted where the labels are independent: the ceiling [fraction]';
comment on column spurious_removal.accuracy is 'Of the biased probe with the features out [fraction]';
comment on column spurious_removal.score is '(accuracy - biased_accuracy) / (clean_accuracy - biased_accuracy); null where the bias costs less than .001 [fraction]';
comment on column spurious_removal.ci_low is 'Lower end of its 95 % interval, bootstrap over groups; null where a draw has no bias [fraction]';
comment on column spurious_removal.ci_high is 'Upper end [fraction]';
comment on column spurious_removal.is_reported is 'Whether the biased probe is worse at this target than at the other: what SAEBench reports [boolean]';
comment on column spurious_removal.labels is 'The two labels, the one that the probe says yes to last [text]';
comment on column spurious_removal.spurious_labels is 'The two spurious labels, that which goes with the last label last [text]';
comment on column spurious_removal.n_test is 'Test texts that the accuracies are of: as many of each of the four combinations [texts]';
