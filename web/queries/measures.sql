-- How specific each label of the feature is: means over its intervals, alike and weighted by its firings, and the controls.
select
    explanation_id,
    specificity_mean,
    specificity_weighted,
    share_of_3,
    control_rating,
    n_ratings,
    n_failed
from _feature_label
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id and n_ratings + n_failed > 0;
