-- The features nearest to each direction, with their best labels.
select
    f.direction_id,
    d.kind,
    d.layer,
    f.rank,
    f.recipe_id,
    f.feature_id,
    f.cosine,
    f.random_cosine,
    l.label
from direction_feature as f
inner join direction as d using (model_id, experiment_id, direction_id)
left join _feature_summary as l using (model_id, recipe_id, feature_id)
where f.model_id = $model_id and f.experiment_id = $experiment_id
order by f.direction_id, f.rank;
