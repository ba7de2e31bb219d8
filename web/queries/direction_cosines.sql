-- Cosines among the directions of an experiment.
select
    a.direction_id,
    a.kind,
    a.layer,
    b.direction_id as other_direction_id,
    b.kind as other_kind,
    b.layer as other_layer,
    list_cosine_similarity(a.vector, b.vector) as cosine
from direction as a
inner join direction as b using (model_id, experiment_id)
where
    a.model_id = $model_id and a.experiment_id = $experiment_id
    and a.direction_id < b.direction_id
    and a.layer = b.layer
order by a.layer, a.direction_id, b.direction_id;
