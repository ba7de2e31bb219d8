-- How far the model does what its attribution graphs predict.
select
    prompt_id,
    frozen,
    target,
    n_changes,
    spearman,
    cosine,
    predicted_per_actual,
    predicts_badly
from graph_agreement
where
    model_id = $model_id and experiment_id = $experiment_id
    and prompt_id between $first_prompt and $last_prompt
order by prompt_id, frozen, target desc;
