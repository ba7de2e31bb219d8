-- How much a few features of a dictionary say of a label of texts, beside the activation and controls.
create table sparse_probe (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    label varchar not null,
    reads varchar not null,
    n_latents integer,
    feature_ids bigint[],
    metric varchar not null,
    value double not null,
    ci_low double,
    ci_high double,
    baseline double not null,
    n_train bigint not null,
    n_test bigint not null,
    n_test_of_label bigint not null,
    length_area double not null,
    check (reads in ('chosen_latents', 'latents_by_difference', 'random_latents', 'all_latents', 'raw_activation', 'shuffled_labels')),
    check (metric in ('auroc', 'accuracy')),
    check (n_latents > 0),
    check (value between 0 and 1),
    check (baseline between 0 and 1),
    check (n_train >= 0),
    check (n_test >= 0),
    check (length_area between 0 and 1)
);

comment on table sparse_probe is 'One row per (model_id, experiment_id, label, reads, n_latents, metric): a probe of one label against all others, on texts of groups that no choice has seen. Refers to experiment (model_id, experiment_id)';
comment on column sparse_probe.model_id is 'Card of the model [id]';
comment on column sparse_probe.experiment_id is 'Card of the experiment [id]';
comment on column sparse_probe.recipe_id is 'Recipe whose features are read [id]';
comment on column sparse_probe.label is 'Label that is told from all others of the set [text]';
comment on column sparse_probe.reads is 'chosen_latents: by area on training texts; latents_by_difference: by difference of means; random_latents: mean over draws; all_latents; raw_activation; shuffled_labels: chosen and fitted for labels shuffled among training texts, mean over shufflings [name]';
comment on column sparse_probe.n_latents is 'Features that the probe reads; null of the activation [features]';
comment on column sparse_probe.feature_ids is 'Features that were chosen, best first; null where there is no one choice [id]';
comment on column sparse_probe.metric is 'auroc: area under the ROC curve; accuracy [name]';
comment on column sparse_probe.value is 'On test texts [fraction]';
comment on column sparse_probe.ci_low is 'Lower end of the 95 % interval, groups of texts being alike; null of means over draws [fraction]';
comment on column sparse_probe.ci_high is 'Upper end [fraction]';
comment on column sparse_probe.baseline is 'Of a probe that knows nothing: .5 of the area, the share of the more frequent answer of the accuracy [fraction]';
comment on column sparse_probe.n_train is 'Texts that choose and fit [texts]';
comment on column sparse_probe.n_test is 'Texts that the value is of [texts]';
comment on column sparse_probe.n_test_of_label is 'Of these with the label [texts]';
comment on column sparse_probe.length_area is 'Area under the ROC curve of the number of tokens read of a text: .5 where length says nothing of the label [fraction]';
