-- The prompts of an experiment, some at a time.
select
    prompt_id,
    text,
    tokens,
    corrupt_tokens,
    answer,
    foil,
    subject,
    "group",
    label,
    language
from prompt
where
    model_id = $model_id and experiment_id = $experiment_id
    and prompt_id between $first_prompt and $last_prompt
order by prompt_id;
