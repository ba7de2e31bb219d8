-- Which dictionaries hold the same features, and where does one split what the other has?
select
    sae_id,
    other_recipe_id,
    n_features,
    other_n_features,
    mmcs,
    share_matched,
    share_mutual,
    share_split,
    max_split_features
from feature_splitting
order by mmcs desc, sae_id, other_recipe_id;
