-- How much steering changes, for each feature, condition and strength, over all prompts; the best strength on the half that did not choose it.
select
    e.recipe_id,
    e.feature_id,
    card.label,
    e.condition,
    e.strength,
    e.split,
    e.metric,
    e.value,
    e.unsteered_value,
    e.effect,
    e.ci_low,
    e.ci_high,
    e.n_prompts,
    e.is_best,
    e.target_tokens
from steering_effect as e
left join feature_card as card
    on e.model_id = card.model_id and e.recipe_id = card.recipe_id and e.feature_id = card.feature_id
where
    e.model_id = $model_id and e.experiment_id = $experiment_id
    and (e.split = 'all' or (e.split = 'report' and e.is_best))
order by e.feature_id, e.condition, e.strength, e.metric;
