-- Features whose patch changes the answer most, estimates beside patching itself.
with found as (
    select
        prompt_id,
        direction,
        position,
        recipe_id,
        feature_id,
        any_value(normalized_effect) filter (where method = 'exact') as exact,
        any_value(normalized_effect) filter (where method = 'attribution') as attribution,
        any_value(normalized_effect) filter (where method = 'integrated_gradients') as integrated_gradients
    from patching_effect
    where
        model_id = $model_id and experiment_id = $experiment_id and recipe_id is not null
        and prompt_id between $first_prompt and $last_prompt
    group by all
),

ranked as (
    select
        *,
        row_number() over (
            partition by prompt_id, direction
            order by abs(coalesce(exact, integrated_gradients, attribution)) desc nulls last, position, feature_id
        ) as place
    from found
)

select
    r.prompt_id,
    r.direction,
    r.position,
    p.tokens[r.position + 1] as token,
    r.recipe_id,
    r.feature_id,
    f.label,
    r.exact,
    r.attribution,
    r.integrated_gradients
from ranked as r
inner join prompt as p on p.model_id = $model_id and p.experiment_id = $experiment_id and p.prompt_id = r.prompt_id
left join feature_card as f on f.model_id = $model_id and f.recipe_id = r.recipe_id and f.feature_id = r.feature_id
where r.place <= 8
order by r.prompt_id, r.direction, r.place;
