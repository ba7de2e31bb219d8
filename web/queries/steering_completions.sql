-- What is written after some prompts under each condition, and what the plain model writes.
select
    feature_id,
    prompt_id,
    condition,
    strength,
    completion,
    unsteered_completion,
    target_log_probability,
    surprise,
    repetition,
    steering_score,
    judge_concept,
    judge_instruction,
    judge_fluency,
    judge_hmean,
    unsteered_judge_concept,
    unsteered_judge_instruction,
    unsteered_judge_fluency,
    unsteered_judge_hmean
from steering_completion
where
    model_id = $model_id and experiment_id = $experiment_id
    and prompt_id between $first_prompt and $last_prompt
order by feature_id, prompt_id, condition, strength;
