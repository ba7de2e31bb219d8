-- Which labels fit their features best, where the feature fires and only there?
select
    sae_id,
    feature_id,
    label,
    detection,
    detection_ci_low,
    specificity_mean,
    control_rating,
    density,
    top_tokens[:5] as top_tokens
from feature_card
where label is not null and n_ratings >= 10
order by detection_ci_low desc nulls last, specificity_above_controls desc nulls last, density desc, sae_id, feature_id
limit 20;
