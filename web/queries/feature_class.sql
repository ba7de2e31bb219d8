-- The label of images that the feature prefers, and what that is worth on images that had no part in the choice.
-- nothing without: feature_class
select
    label,
    auroc,
    auroc_ci_low,
    auroc_ci_high,
    shuffled_auroc,
    lift,
    n_images,
    n_of_label
from feature_class
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id;
