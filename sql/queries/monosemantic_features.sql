-- Which features of vision models fire in images that are alike, more than any two images are?
select
    m.model_id || '/' || m.recipe_id as sae_id,
    m.feature_id,
    m.score,
    m.score_ci_low,
    m.score_ci_high,
    m.mean_similarity,
    m.shuffled_score,
    m.n_firing_images,
    m.n_images,
    c.label
from monosemanticity as m
inner join feature_card as c using (model_id, recipe_id, feature_id)
where m.score_ci_low > m.mean_similarity
order by m.score_ci_low - m.mean_similarity desc, sae_id, m.feature_id
limit 20;
