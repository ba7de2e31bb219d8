-- The family of a feature and its members, the nearest to the family's mean direction first.
-- nothing without: feature_family
select
    m.model_id as other_model_id,
    m.recipe_id as other_recipe_id,
    m.feature_id as other_feature_id,
    m.family_id,
    m.score,
    c.name,
    c.n_features,
    c.tightness
from feature_family as own
inner join feature_family as m using (model_id, recipe_id, family_id)
inner join feature_family_card as c using (model_id, recipe_id, family_id)
where own.model_id = $model_id and own.recipe_id = $recipe_id and own.feature_id = $feature_id
order by m.rank
limit 30;
