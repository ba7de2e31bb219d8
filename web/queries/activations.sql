-- How strongly the feature fires: exact counts in equal slices of (0, strongest activation], and the interval of each.
select
    bin,
    lower,
    upper,
    n,
    interval_of_bin(
        lower,
        upper,
        max(upper) over (),
        (select n_intervals from sae where model_id = $model_id and recipe_id = $recipe_id)
    ) as interval_index
from activation_histogram
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id and upper > 0
order by bin;
