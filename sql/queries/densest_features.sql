-- Which features fire most often, and on what?
select
    sae_id,
    feature_id,
    density,
    max_activation,
    label,
    top_tokens[:5] as top_tokens
from feature_card
order by density desc, sae_id, feature_id
limit 20;
