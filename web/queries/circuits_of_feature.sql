-- Circuits in which the feature is a node: what its change does to the answer.
-- nothing without: circuit_node
select
    n.experiment_id,
    n.rank,
    n.effect,
    n.effect_ci_low,
    n.effect_ci_high,
    n.exact_effect,
    n.n_prompts,
    e.prompt_set_id
from circuit_node as n
inner join experiment as e using (model_id, experiment_id)
where n.model_id = $model_id and n.recipe_id = $recipe_id and n.feature_id = $feature_id
order by n.rank, n.experiment_id;
