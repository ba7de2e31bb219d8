-- Facts of some prompts, with the edit of each (its last block, where it has several) and texts with and without it.
select
    e.fact,
    e.subject,
    e.answer,
    e.new_answer,
    min(e.layer) over (partition by e.fact) as first_layer,
    e.layer,
    e.module,
    e.traced_effect,
    e.n_contexts,
    e.change_norm / nullif(e.value_norm, 0) as change_share,
    e.update_norm,
    e.steps,
    e.negative_log_likelihood,
    e.kl,
    p.text as prompt,
    f.completion,
    plain.completion as unedited_completion
from edit as e
inner join prompt as p using (model_id, experiment_id, prompt_id)
left join edit_fluency as f using (model_id, experiment_id, fact, condition)
left join edit_fluency as plain
    on
        e.model_id = plain.model_id and e.experiment_id = plain.experiment_id and e.fact = plain.fact
        and plain.condition = 'unedited'
where
    e.model_id = $model_id and e.experiment_id = $experiment_id and e.condition = 'edited'
    and e.fact in (
        select fact
        from edit_effect
        where
            model_id = $model_id and experiment_id = $experiment_id
            and prompt_id between $first_prompt and $last_prompt
    )
qualify row_number() over (partition by e.fact order by e.layer desc) = 1
order by e.prompt_id;
