-- Clusters of the maps and the words that name them, worked out when a dictionary is loaded: `feature_map_cluster` reads it.
create table _map_cluster (
    model_id varchar not null,
    recipe_id varchar not null,
    cluster_id integer not null,
    name varchar,
    n_features bigint not null,
    n_labelled bigint not null,
    x double not null,
    y double not null
);

comment on table _map_cluster is 'One row per (model_id, recipe_id, cluster_id): features that stand together on the map of their dictionary';
comment on column _map_cluster.model_id is 'Card of the model [id]';
comment on column _map_cluster.recipe_id is 'Card of the recipe [id]';
comment on column _map_cluster.cluster_id is 'Cluster, the largest first [index]';
comment on column _map_cluster.name is 'Up to three words that the shown labels of its features have, of three features and of 15 % at least, and three times as often as the labels on the whole map; labels that say unclear have no part; null where no word does [text]';
comment on column _map_cluster.n_features is 'Features in it [features]';
comment on column _map_cluster.n_labelled is 'Of these, how many have a label [features]';
comment on column _map_cluster.x is 'Middle of its features, from left to right [-1 to 1]';
comment on column _map_cluster.y is 'Middle of its features, from bottom to top [-1 to 1]';
