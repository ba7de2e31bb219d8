-- Each feature of a toy model of the sweep over densities.
create table toy_feature (
    model_id varchar not null,
    experiment_id varchar not null,
    toy_id integer not null,
    feature integer not null,
    importance double not null,
    norm double not null,
    dimensionality double not null,
    interference double not null,
    check (toy_id >= 0),
    check (feature >= 0),
    check (norm >= 0),
    check (dimensionality between 0 and 1),
    check (interference >= 0)
);

comment on table toy_feature is 'One row per (model_id, experiment_id, toy_id, feature): a feature of a toy. Refers to experiment (model_id, experiment_id)';
comment on column toy_feature.model_id is 'Card of the model [id]';
comment on column toy_feature.experiment_id is 'Card of the experiment [id]';
comment on column toy_feature.toy_id is 'The toy, as in toy_model [index]';
comment on column toy_feature.feature is 'Its number in the toy [index]';
comment on column toy_feature.importance is 'What its squared error counts [times]';
comment on column toy_feature.norm is 'Length with which it is represented [length]';
comment on column toy_feature.dimensionality is 'What share of a dimension it has: 1 alone, .5 of an opposite pair, .4 of a pentagon, near 0 where it is not represented [dimensions]';
comment on column toy_feature.interference is 'Sum over others of the squared overlap with its direction; 0 where it is not represented [squared length]';
