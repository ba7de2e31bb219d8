-- What becomes of answer and foil under each swap of features, beside random pairs.
select
    e.recipe_id,
    e.feature_off,
    off_card.label as off_label,
    e.feature_on,
    on_card.label as on_label,
    e.condition,
    e.strength,
    e.metric,
    e.value,
    e.unswapped_value,
    e.effect,
    e.ci_low,
    e.ci_high,
    e.n_pairs,
    e.firing_share,
    e.n_prompts
from feature_swap_effect as e
left join feature_card as off_card
    on e.model_id = off_card.model_id and e.recipe_id = off_card.recipe_id and e.feature_off = off_card.feature_id
left join feature_card as on_card
    on e.model_id = on_card.model_id and e.recipe_id = on_card.recipe_id and e.feature_on = on_card.feature_id
where e.model_id = $model_id and e.experiment_id = $experiment_id
order by e.feature_off, e.feature_on, e.condition, e.strength, e.metric;
