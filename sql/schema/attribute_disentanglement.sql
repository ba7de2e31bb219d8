-- Whether features of a dictionary move one attribute of entities and leave the others.
create table attribute_disentanglement (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    attribute varchar not null,
    condition varchar not null,
    n_moved bigint,
    feature_ids bigint[],
    cause double not null,
    cause_ci_low double,
    cause_ci_high double,
    isolation double not null,
    isolation_ci_low double,
    isolation_ci_high double,
    score double not null,
    score_ci_low double,
    score_ci_high double,
    n_cause bigint not null,
    n_isolation bigint not null,
    n_entities bigint not null,
    n_known bigint not null,
    n_asked bigint not null,
    check (condition in ('features', 'features_without_error', 'random_features', 'subspace', 'class_means', 'whole', 'nothing')),
    check (cause between 0 and 1),
    check (isolation between 0 and 1),
    check (score between 0 and 1),
    check (n_known between 0 and n_asked)
);

comment on table attribute_disentanglement is 'One row per (model_id, experiment_id, attribute, condition): an attribute moved from one entity to another at the last token of its name (RAVEL). Refers to experiment (model_id, experiment_id)';
comment on column attribute_disentanglement.model_id is 'Card of the model [id]';
comment on column attribute_disentanglement.experiment_id is 'Card of the experiment [id]';
comment on column attribute_disentanglement.recipe_id is 'Recipe whose features are moved [id]';
comment on column attribute_disentanglement.attribute is 'What is moved [text]';
comment on column attribute_disentanglement.condition is 'features: those of a mask learned on other entities, what the dictionary leaves out kept; features_without_error: the same with it dropped; random_features: as many that fire on an entity; subspace: learned directions; class_means: directions in which the values'' means differ; whole: the activation; nothing [name]';
comment on column attribute_disentanglement.n_moved is 'Features, or directions of the subspace; null of the whole and of nothing [features or directions]';
comment on column attribute_disentanglement.feature_ids is 'Features of the mask; null of the other conditions [id]';
comment on column attribute_disentanglement.cause is 'Share of pairs after which the model says the other entity''s value, among all answers of the set [fraction]';
comment on column attribute_disentanglement.cause_ci_low is 'Lower end of the 95 % interval, bootstrap over test entities; null where a draw has no pair [fraction]';
comment on column attribute_disentanglement.cause_ci_high is 'Upper end [fraction]';
comment on column attribute_disentanglement.isolation is 'Share of pairs, asked for another attribute, after which the model says the entity''s own value [fraction]';
comment on column attribute_disentanglement.isolation_ci_low is 'Lower end of the 95 % interval [fraction]';
comment on column attribute_disentanglement.isolation_ci_high is 'Upper end [fraction]';
comment on column attribute_disentanglement.score is 'Mean of cause and isolation; one half for nothing and for the whole activation, if that carries everything [fraction]';
comment on column attribute_disentanglement.score_ci_low is 'Lower end of the 95 % interval [fraction]';
comment on column attribute_disentanglement.score_ci_high is 'Upper end [fraction]';
comment on column attribute_disentanglement.n_cause is 'Pairs of test entities that want the other''s value [pairs]';
comment on column attribute_disentanglement.n_isolation is 'Pairs that want their own [pairs]';
comment on column attribute_disentanglement.n_entities is 'Test entities that are given something [entities]';
comment on column attribute_disentanglement.n_known is 'Prompts of the attribute that the model answers rightly unaided, among all answers of the set; the others are left out [prompts]';
comment on column attribute_disentanglement.n_asked is 'Prompts of the attribute [prompts]';
