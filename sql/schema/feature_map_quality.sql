-- How true the map of a dictionary's features is.
create table feature_map_quality (
    model_id varchar not null,
    recipe_id varchar not null,
    method varchar not null,
    n_features integer not null,
    n_neighbors integer not null,
    neighbors_kept double,
    neighbors_kept_by_pca double,
    neighbors_kept_by_chance double,
    n_clusters integer not null,
    n_clustered integer not null,
    check (method in ('tsne', 'pca')),
    check (n_features >= 0),
    check (n_neighbors >= 0),
    check (neighbors_kept between 0 and 1),
    check (neighbors_kept_by_pca between 0 and 1),
    check (neighbors_kept_by_chance between 0 and 1),
    check (n_clusters >= 0),
    check (n_clustered between 0 and n_features)
);

comment on table feature_map_quality is 'One row per (model_id, recipe_id): how the map of a dictionary was made and how true it is. Refers to sae (model_id, recipe_id)';
comment on column feature_map_quality.model_id is 'Card of the model [id]';
comment on column feature_map_quality.recipe_id is 'Card of the recipe [id]';
comment on column feature_map_quality.method is 'tsne, or pca (two principal components, where there are too few features for t-SNE) [text]';
comment on column feature_map_quality.n_features is 'Features on the map [features]';
comment on column feature_map_quality.n_neighbors is 'Nearest features by decoder cosine that are compared with as many nearest on the map [features]';
comment on column feature_map_quality.neighbors_kept is 'Share of the nearest features by decoder cosine that are among the nearest on the map, mean over features; null of a map of fewer than two [fraction]';
comment on column feature_map_quality.neighbors_kept_by_pca is 'The same of the two principal components; null likewise [fraction]';
comment on column feature_map_quality.neighbors_kept_by_chance is 'The same of places drawn by chance; null likewise [fraction]';
comment on column feature_map_quality.n_clusters is 'Clusters [clusters]';
comment on column feature_map_quality.n_clustered is 'Features that stand in a cluster [features]';
