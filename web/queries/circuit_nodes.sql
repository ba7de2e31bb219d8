-- The strongest nodes of a feature circuit, with the labels of features.
select
    n.rank,
    n.recipe_id,
    n.kind,
    n.feature_id,
    f.label,
    n.effect,
    n.effect_ci_low,
    n.effect_ci_high,
    n.exact_effect,
    n.n_prompts
from circuit_node as n
left join feature_card as f using (model_id, recipe_id, feature_id)
where n.model_id = $model_id and n.experiment_id = $experiment_id
order by n.rank;
