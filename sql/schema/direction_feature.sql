-- Which features of a dictionary directions are made of.
create table direction_feature (
    model_id varchar not null,
    experiment_id varchar not null,
    direction_id integer not null,
    rank integer not null,
    recipe_id varchar not null,
    feature_id integer not null,
    cosine double not null,
    random_cosine double not null,
    check (rank >= 0),
    check (cosine between -1.000001 and 1.000001),
    check (random_cosine between 0 and 1.000001)
);

comment on table direction_feature is 'One row per (model_id, experiment_id, direction_id, rank): a feature near a direction, for directions behind the block that the dictionary writes. Refers to direction (model_id, experiment_id, direction_id)';
comment on column direction_feature.model_id is 'Card of the model [id]';
comment on column direction_feature.experiment_id is 'Card of the experiment [id]';
comment on column direction_feature.direction_id is 'Direction [index]';
comment on column direction_feature.rank is 'Place by the size of the cosine, from 0 [index]';
comment on column direction_feature.recipe_id is 'Recipe of the dictionary [id]';
comment on column direction_feature.feature_id is 'Feature [id]';
comment on column direction_feature.cosine is 'Cosine of the direction and the feature''s decoder direction [cosine]';
comment on column direction_feature.random_cosine is 'Mean size of the cosine at this rank of random directions [cosine]';
