-- Toy models that have more features than dimensions, and what became of the features.
create table toy_model (
    model_id varchar not null,
    experiment_id varchar not null,
    toy_id integer not null,
    kind varchar not null,
    n_features integer not null,
    n_hidden integer not null,
    density double not null,
    importance double not null,
    n_examples integer,
    loss double not null,
    test_loss double,
    norm_squared double,
    dimensions_per_feature double,
    n_represented integer,
    phase varchar,
    example_norm double,
    feature_norm double,
    example_dimensionality double,
    feature_dimensionality double,
    check (kind in ('sweep', 'phase', 'few_examples')),
    check (toy_id >= 0),
    check (density between 0 and 1),
    check (loss >= 0),
    check (phase in ('none', 'dedicated', 'superposed'))
);

comment on table toy_model is 'One row per (model_id, experiment_id, toy_id): a toy model. Refers to experiment (model_id, experiment_id)';
comment on column toy_model.model_id is 'Card of the model [id]';
comment on column toy_model.experiment_id is 'Card of the experiment [id]';
comment on column toy_model.toy_id is 'Its number among the experiment''s toys [index]';
comment on column toy_model.kind is 'sweep: many features of one density; phase: two features, one dimension; few_examples: the same examples again and again [name]';
comment on column toy_model.n_features is 'Features [features]';
comment on column toy_model.n_hidden is 'Dimensions [dimensions]';
comment on column toy_model.density is 'Chance that a feature is present in an example [fraction]';
comment on column toy_model.importance is 'sweep: what each feature''s importance is multiplied by for the next; phase: of the second feature, the first''s being 1 [times]';
comment on column toy_model.n_examples is 'few_examples: examples that it was trained with [examples]';
comment on column toy_model.loss is 'Squared error an example, importance counted: on fresh examples, of few_examples on its training ones [squared activation]';
comment on column toy_model.test_loss is 'few_examples: on fresh ones [squared activation]';
comment on column toy_model.norm_squared is 'sweep: sum of squared lengths of the features [squared length]';
comment on column toy_model.dimensions_per_feature is 'sweep: dimensions over norm_squared, 1 where each represented feature has one of its own [dimensions per feature]';
comment on column toy_model.n_represented is 'sweep: features of a squared length above a half [features]';
comment on column toy_model.phase is 'phase: whether the second feature is not represented, has the dimension to itself, or shares it [name]';
comment on column toy_model.example_norm is 'few_examples: mean squared length of the training examples'' hidden vectors [squared length]';
comment on column toy_model.feature_norm is 'few_examples: mean squared length of the features [squared length]';
comment on column toy_model.example_dimensionality is 'few_examples: mean share of a dimension that a training example has [dimensions]';
comment on column toy_model.feature_dimensionality is 'few_examples: the same of a feature [dimensions]';
