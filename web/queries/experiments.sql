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
    created_at,
    i.source as imported_from,
    i.sha256 as imported_sha256,
    i.tool as imported_tool
from experiment
left join graph_import as i using (model_id, experiment_id)
order by created_at desc, model_id, experiment_id;
