-- How much of each concept is absorbed, the most first.
select
    label,
    recipe_id,
    main_feature_ids,
    probe_f1,
    n_kinds,
    n_texts,
    n_right,
    rate,
    rate_ci_low,
    rate_ci_high,
    random_rate,
    fraction,
    fraction_ci_low,
    fraction_ci_high,
    random_fraction
from concept_absorption
where model_id = $model_id and experiment_id = $experiment_id
order by rate desc nulls last, fraction desc nulls last, label;
