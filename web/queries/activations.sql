-- How strongly the feature fires: exact counts in equal slices of (0, strongest activation].
select
    bin,
    lower,
    upper,
    n
from activation_histogram
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id;
