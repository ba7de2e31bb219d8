-- The clusters of the map, largest first.
select
    cluster_id,
    name,
    n_features,
    n_labelled,
    x,
    y
from feature_map_cluster
where model_id = $model_id and recipe_id = $recipe_id
order by cluster_id
limit 500;
