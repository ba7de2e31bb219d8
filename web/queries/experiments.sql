-- Every experiment, the newest first.
select
    model_id,
    experiment_id,
    method,
    question,
    prompt_set_id,
    recipe_ids,
    settings,
    seed,
    prefix,
    dtype,
    n_prompts,
    n_forward,
    n_backward,
    seconds,
    created_at
from experiment
order by created_at desc, model_id, experiment_id;
