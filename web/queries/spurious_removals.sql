-- How much of a probe's bias goes, the direction that the biased probe is worse at first.
select
    target,
    recipe_id,
    condition,
    n_latents,
    feature_ids,
    biased_accuracy,
    clean_accuracy,
    accuracy,
    score,
    ci_low,
    ci_high,
    is_reported,
    labels,
    spurious_labels,
    n_test
from spurious_removal
where model_id = $model_id and experiment_id = $experiment_id
order by is_reported desc, target, condition, n_latents;
