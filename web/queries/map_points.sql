-- Every feature's place on the map in 65,536 steps, and its cluster; 4294967295 stands for none.
select
    feature_id::uinteger as feature_id,
    least(greatest(round((x + 1) * 32767.5), 0), 65535)::usmallint as x,
    least(greatest(round((y + 1) * 32767.5), 0), 65535)::usmallint as y,
    coalesce(cluster_id, 4294967295)::uinteger as cluster_id
from feature_map
where model_id = $model_id and recipe_id = $recipe_id
order by feature_id;
