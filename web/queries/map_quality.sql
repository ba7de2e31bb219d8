-- How the map was made, and the share of nearest features that are nearest on it too.
select
    method,
    n_features,
    n_neighbors,
    neighbors_kept,
    neighbors_kept_by_pca,
    neighbors_kept_by_chance,
    n_clusters,
    n_clustered
from feature_map_quality
where model_id = $model_id and recipe_id = $recipe_id;
