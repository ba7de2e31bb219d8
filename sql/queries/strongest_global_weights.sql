-- Which features read which, whatever the prompt: the pairs where one feature brings most of a later one's activation.
select
    w.model_id,
    w.experiment_id,
    w.source_recipe_id,
    w.source_feature_id,
    a.label as source_label,
    w.target_recipe_id,
    w.target_feature_id,
    b.label as target_label,
    w.share,
    w.expected_weight,
    w.virtual_weight,
    w.n_together
from global_weight as w
left join feature_card as a
    on a.model_id = w.model_id and a.recipe_id = w.source_recipe_id and a.feature_id = w.source_feature_id
left join feature_card as b
    on b.model_id = w.model_id and b.recipe_id = w.target_recipe_id and b.feature_id = w.target_feature_id
where w.source_place is not null and w.n_together >= 10
order by abs(w.share) desc, w.target_recipe_id, w.target_feature_id, w.source_recipe_id, w.source_feature_id
limit 50;
