-- What the model says of every prompt of some facts, with the edit and without.
select
    b.fact,
    b.prompt_id,
    b.split,
    p.text as prompt,
    p.answer,
    b.true_probability as true_before,
    b.new_probability as new_before,
    b.likeliest_token as likeliest_before,
    a.true_probability as true_after,
    a.new_probability as new_after,
    a.likeliest_token as likeliest_after,
    a.is_success
from edit_effect as b
inner join edit_effect as a
    on
        b.model_id = a.model_id and b.experiment_id = a.experiment_id and b.fact = a.fact
        and b.prompt_id = a.prompt_id and a.condition = 'edited'
inner join prompt as p on b.model_id = p.model_id and b.experiment_id = p.experiment_id and b.prompt_id = p.prompt_id
where
    b.model_id = $model_id and b.experiment_id = $experiment_id and b.condition = 'unedited'
    and b.fact in (
        select fact
        from edit_effect
        where
            model_id = $model_id and experiment_id = $experiment_id
            and prompt_id between $first_prompt and $last_prompt
    )
order by b.prompt_id;
