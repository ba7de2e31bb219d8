-- What is written after instructions with and without the refusal direction.
select
    intervention,
    label,
    n_prompts,
    refusal_rate,
    ci_low,
    ci_high,
    refusal_score,
    surprise,
    prompt_ids,
    completions
from refusal_effect
where model_id = $model_id and experiment_id = $experiment_id
order by label, case intervention when 'none' then 0 when 'ablate' then 1 when 'orthogonalize' then 2 else 3 end;
