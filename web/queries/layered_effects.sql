-- How likely the matching answers are, unsteered, behind the best block and behind all; first where strengths were found.
select
    condition,
    asked_of,
    log_p_matching,
    ci_low,
    ci_high,
    above_best_block,
    above_low,
    above_high,
    p_matching,
    mass,
    n,
    n_groups,
    n_evaluations
from layered_steering_effect
where model_id = $model_id and experiment_id = $experiment_id
order by
    asked_of desc,
    list_position(
        ['unsteered', 'best_block', 'all_blocks', 'all_blocks_shuffled', 'all_blocks_random'], condition
    );
