-- What each part of the model adds to the answer's logit, the largest first; of each prompt the first thirty and all heads.
with ranked as (
    select
        *,
        row_number() over (partition by prompt_id order by abs(contribution) desc) as place,
        max(abs(contribution)) over (partition by prompt_id) as largest
    from logit_attribution
    where
        model_id = $model_id and experiment_id = $experiment_id
        and prompt_id between $first_prompt and $last_prompt
)

select
    prompt_id,
    component,
    layer,
    head,
    recipe_id,
    feature_id,
    contribution,
    compared_with,
    logit,
    place,
    abs(contribution) / nullif(largest, 0) as share_of_largest
from ranked
where place <= 30 or component = 'head'
order by prompt_id, place;
