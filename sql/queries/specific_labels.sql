-- Which labels fit their features best, where the feature fires and only there?
select
    sae_id,
    feature_id,
    label,
    specificity_mean,
    control_rating,
    density,
    top_tokens[:5] as top_tokens
from feature_card
where label is not null and n_ratings >= 10
order by specificity_mean - coalesce(control_rating, 0) desc, density desc, sae_id, feature_id
limit 20;
