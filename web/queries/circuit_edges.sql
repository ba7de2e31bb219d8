-- The strongest edges of a feature circuit, with the labels of both ends.
select
    e.from_recipe_id,
    e.from_kind,
    e.from_feature_id,
    a.label as from_label,
    e.to_recipe_id,
    e.to_kind,
    e.to_feature_id,
    b.label as to_label,
    e.effect
from circuit_edge as e
left join feature_card as a
    on a.model_id = e.model_id and a.recipe_id = e.from_recipe_id and a.feature_id = e.from_feature_id
left join feature_card as b
    on b.model_id = e.model_id and b.recipe_id = e.to_recipe_id and b.feature_id = e.to_feature_id
where e.model_id = $model_id and e.experiment_id = $experiment_id
order by abs(e.effect) desc
limit 40;
