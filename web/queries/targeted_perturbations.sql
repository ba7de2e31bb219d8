-- What taking out one label's features does, the means over the labels first.
select
    label,
    recipe_id,
    condition,
    n_latents,
    feature_ids,
    unablated_accuracy,
    intended,
    unintended,
    score,
    ci_low,
    ci_high,
    n_test
from targeted_perturbation
where model_id = $model_id and experiment_id = $experiment_id
order by label nulls first, condition, n_latents;
