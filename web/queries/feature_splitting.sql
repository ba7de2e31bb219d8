-- How much of the first dictionary is found again in the second, and how much of it splits there.
select
    mmcs,
    share_matched,
    share_mutual,
    share_split,
    same_feature_cosine
from feature_splitting
where model_id = $model_id and recipe_id = $recipe_id and other_recipe_id = $other_recipe_id;
