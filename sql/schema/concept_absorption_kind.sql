-- Kind by kind of a concept, which feature speaks in the place of the concept's.
create table concept_absorption_kind (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    label varchar not null,
    kind varchar not null,
    n_texts bigint not null,
    n_right bigint not null,
    n_absorbed bigint not null,
    fraction double,
    feature_id bigint,
    cosine double,
    check (n_right between 0 and n_texts),
    check (n_absorbed between 0 and n_right),
    check (fraction between 0 and 1),
    check (cosine between -1.00001 and 1.00001)
);

comment on table concept_absorption_kind is 'One row per (model_id, experiment_id, label, kind): a test kind of a concept, and the feature that brings the concept there. Refers to experiment (model_id, experiment_id)';
comment on column concept_absorption_kind.model_id is 'Card of the model [id]';
comment on column concept_absorption_kind.experiment_id is 'Card of the experiment [id]';
comment on column concept_absorption_kind.recipe_id is 'Recipe whose features are read [id]';
comment on column concept_absorption_kind.label is 'The concept: a label of the text set [text]';
comment on column concept_absorption_kind.kind is 'A group of the text set whose texts chose nothing [text]';
comment on column concept_absorption_kind.n_texts is 'Its texts [texts]';
comment on column concept_absorption_kind.n_right is 'Texts on which the probe says the label [texts]';
comment on column concept_absorption_kind.n_absorbed is 'Of these, on which another feature speaks in the place of all of the concept''s [texts]';
comment on column concept_absorption_kind.fraction is 'Part of the concept that other features bring, mean over the right texts; null where there is none [fraction]';
comment on column concept_absorption_kind.feature_id is 'The feature that absorbs most texts or, where none is absorbed whole, brings most; null where nothing is absorbed [id]';
comment on column concept_absorption_kind.cosine is 'Of its decoder row with the direction of the concept''s probe [cosine]';
