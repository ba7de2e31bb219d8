-- How much steering changes, for each feature, condition and strength, over all prompts; the best strength on the half that did not choose it.
select
    x.recipe_ids[1] as recipe_id,
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
inner join experiment as x on e.model_id = x.model_id and e.experiment_id = x.experiment_id
left join feature_card as card
    on e.model_id = card.model_id and x.recipe_ids[1] = card.recipe_id and e.feature_id = card.feature_id
where
    e.model_id = $model_id and e.experiment_id = $experiment_id
    and (e.split = 'all' or (e.split = 'report' and e.is_best))
order by e.feature_id, e.condition, e.strength, e.metric;
