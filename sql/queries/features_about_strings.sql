-- Which features are about strings?
select
    sae_id,
    feature_id,
    label,
    top_tokens[:5] as top_tokens,
    density,
    found_in
from find_features('str')
limit 20;
