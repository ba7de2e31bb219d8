-- One dictionary, by its ids.
select
    model_id,
    recipe_id,
    n_features,
    exists (from image as i where i.corpus_id = sae.corpus_id) as sees_images
from sae
where model_id = $model_id and recipe_id = $recipe_id;
