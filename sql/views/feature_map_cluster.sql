-- Clusters of the map of each dictionary, named by words of their labels.
-- Grain: one row per (model_id, recipe_id, cluster_id).
create view feature_map_cluster as
select
    model_id,
    recipe_id,
    model_id || '/' || recipe_id as sae_id,
    cluster_id,
    name,
    n_features,
    n_labelled,
    x,
    y
from _map_cluster;

comment on column feature_map_cluster.sae_id is 'model_id/recipe_id [id]';
