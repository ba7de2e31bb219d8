-- How alike the images are in which the feature fires, beside all pairs of images and shuffled activations.
-- nothing without: monosemanticity
select
    m.score,
    m.score_ci_low,
    m.score_ci_high,
    m.shuffled_score,
    m.mean_similarity,
    m.n_images,
    m.n_firing_images,
    m.embedding_site,
    m.pooling,
    m.embedding_site = s.site as reads_the_same_site
from monosemanticity as m
inner join sae as s using (model_id, recipe_id)
where m.model_id = $model_id and m.recipe_id = $recipe_id and m.feature_id = $feature_id;
