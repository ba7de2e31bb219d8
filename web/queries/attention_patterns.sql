-- Where the four heads of the highest induction score look in some prompts, of those whose attention is stored.
with head_with_pattern as (
    select distinct
        layer,
        head
    from attention_pattern
    where model_id = $model_id and experiment_id = $experiment_id
),

shown as (
    select
        layer,
        head,
        value as induction
    from head_score
    semi join head_with_pattern using (layer, head)
    where model_id = $model_id and experiment_id = $experiment_id and score = 'induction' and value is not null
    order by value desc, layer, head
    limit 4
)

select
    p.prompt_id,
    p.layer,
    p.head,
    p.query_position,
    p.key_position,
    p.weight,
    shown.induction
from attention_pattern as p
join shown using (layer, head)
where
    p.model_id = $model_id and p.experiment_id = $experiment_id
    and p.prompt_id between $first_prompt and $last_prompt
order by p.prompt_id, shown.induction desc, p.layer, p.head, p.query_position, p.key_position;
