-- What a patch of each place does to the answer, by the best method that was asked of every place.
with counted as (
    select
        *,
        count(*) over (partition by prompt_id, direction, site, method) as n_places,
        case method when 'exact' then 0 when 'integrated_gradients' then 1 else 2 end as preference
    from patching_effect
    where
        model_id = $model_id and experiment_id = $experiment_id
        and prompt_id between $first_prompt and $last_prompt
        and recipe_id is null
),

chosen as (
    select *
    from counted
    qualify
        rank() over (partition by prompt_id, direction, site order by n_places desc, preference) = 1
)

select
    c.prompt_id,
    c.direction,
    c.method,
    c.site,
    c.layer,
    c.head,
    c.position,
    p.tokens[c.position + 1] as token,
    p.corrupt_tokens[c.position + 1] as corrupt_token,
    c.metric,
    c.effect,
    c.normalized_effect,
    c.clean_metric,
    c.corrupt_metric
from chosen as c
inner join prompt as p
    on p.model_id = c.model_id and p.experiment_id = c.experiment_id and p.prompt_id = c.prompt_id
order by c.prompt_id, c.direction, c.site, c.layer desc, coalesce(c.head, c.position);
