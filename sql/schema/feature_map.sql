-- Where each feature stands on the map of its dictionary.
create table feature_map (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    x float not null,
    y float not null,
    cluster_id integer,
    check (feature_id >= 0),
    check (x between -1.000001 and 1.000001),
    check (y between -1.000001 and 1.000001),
    check (cluster_id >= 0)
);

comment on table feature_map is 'One row per (model_id, recipe_id, feature_id): a feature on the map, where features whose decoder directions point alike stand together; features that never fired, and those without a direction, have no row. Refers to feature (model_id, recipe_id, feature_id)';
comment on column feature_map.model_id is 'Card of the model [id]';
comment on column feature_map.recipe_id is 'Card of the recipe [id]';
comment on column feature_map.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column feature_map.x is 'Place from left to right; only nearness means something [-1 to 1]';
comment on column feature_map.y is 'Place from bottom to top; likewise [-1 to 1]';
comment on column feature_map.cluster_id is 'Cluster of places that stand together, by HDBSCAN, the largest first; null where it stands in none [index]';
