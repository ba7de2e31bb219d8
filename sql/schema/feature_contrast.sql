-- Features that tell the texts of a label from the others, and how good a detector each is on other texts.
create table feature_contrast (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    label varchar not null,
    feature_id integer not null,
    rank integer not null,
    n_units bigint not null,
    n_other_units bigint not null,
    fired_units bigint not null,
    fired_other_units bigint not null,
    firing_share double not null,
    firing_share_others double not null,
    auroc double not null,
    log_odds double not null,
    log_odds_se double not null,
    p double not null,
    q double not null,
    n_tested bigint not null,
    threshold double not null,
    is_above boolean not null,
    test_auroc double not null,
    test_auroc_ci_low double,
    test_auroc_ci_high double,
    precision double,
    recall double not null,
    false_positive_rate double not null,
    n_test bigint not null,
    n_test_of_label bigint not null,
    length_area double not null,
    check (feature_id >= 0),
    check (rank >= 0),
    check (auroc between 0 and 1),
    check (p between 0 and 1),
    check (q between 0 and 1),
    check (test_auroc between 0 and 1),
    check (precision between 0 and 1),
    check (recall between 0 and 1),
    check (false_positive_rate between 0 and 1),
    check (length_area between 0 and 1)
);

comment on table feature_contrast is 'One row per (model_id, experiment_id, recipe_id, label, feature_id): a feature as a detector of a label. Refers to experiment (model_id, experiment_id). Refers to feature (model_id, recipe_id, feature_id)';
comment on column feature_contrast.model_id is 'Card of the model [id]';
comment on column feature_contrast.experiment_id is 'Card of the experiment [id]';
comment on column feature_contrast.recipe_id is 'Recipe whose features are compared [id]';
comment on column feature_contrast.label is 'Label that is told from all others of the set [text]';
comment on column feature_contrast.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column feature_contrast.rank is 'Place by distance of auroc from .5, among the features that were tested [index]';
comment on column feature_contrast.n_units is 'Training units with the label: groups of texts, or texts that have no group [units]';
comment on column feature_contrast.n_other_units is 'Training units without it [units]';
comment on column feature_contrast.fired_units is 'Training units with the label in which the feature fires [units]';
comment on column feature_contrast.fired_other_units is 'The same of units without it [units]';
comment on column feature_contrast.firing_share is 'Share of all texts with the label in which the feature fires [fraction]';
comment on column feature_contrast.firing_share_others is 'The same of texts without it [fraction]';
comment on column feature_contrast.auroc is 'Chance that a training unit with the label has the higher pooled activation; .5 says nothing [fraction]';
comment on column feature_contrast.log_odds is 'Log of the ratio of the odds of firing, with the label to without, half a unit added to each cell [nats]';
comment on column feature_contrast.log_odds_se is 'Its standard error [nats]';
comment on column feature_contrast.p is 'Of the test of Mann and Whitney, corrected for ties [fraction]';
comment on column feature_contrast.q is 'Share of false discoveries among the features that are no worse (Benjamini and Hochberg), over all that were tested [fraction]';
comment on column feature_contrast.n_tested is 'Features that fire in five training units or more, all of which were tested [features]';
comment on column feature_contrast.threshold is 'Pooled activation that tells training texts best [activation]';
comment on column feature_contrast.is_above is 'Whether texts with the label lie above it [boolean]';
comment on column feature_contrast.test_auroc is 'Area under the ROC curve on test texts [fraction]';
comment on column feature_contrast.test_auroc_ci_low is 'Lower end of its 95 % interval, texts of one group being alike [fraction]';
comment on column feature_contrast.test_auroc_ci_high is 'Upper end [fraction]';
comment on column feature_contrast.precision is 'Of the test texts that the threshold takes for the label, how many have it; null where it takes none [fraction]';
comment on column feature_contrast.recall is 'Of the test texts with the label, how many it takes [fraction]';
comment on column feature_contrast.false_positive_rate is 'Of the test texts without it, how many it takes [fraction]';
comment on column feature_contrast.n_test is 'Test texts [texts]';
comment on column feature_contrast.n_test_of_label is 'Of these with the label [texts]';
comment on column feature_contrast.length_area is 'Area under the ROC curve of the number of tokens read of a text: .5 where length says nothing of the label [fraction]';
