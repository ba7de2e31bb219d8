-- How strongly the feature fires: exact counts in equal slices of (0, strongest activation], and the interval of each.
select
    h.bin,
    h.lower,
    h.upper,
    h.n,
    interval_of_bin(h.lower, h.upper, max(h.upper) over (), s.n_intervals) as interval_index
from activation_histogram as h
join sae as s using (model_id, recipe_id)
where h.model_id = $model_id and h.recipe_id = $recipe_id and h.feature_id = $feature_id and h.upper > 0
order by h.bin;
