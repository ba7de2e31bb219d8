-- How much of one dictionary is found again in another of the same model and site, and how much of it splits there.
-- Grain: one row per (model_id, recipe_id, other_recipe_id); a pair of dictionaries has up to two rows, one each way.
-- mmcs is the mean over features of the cosine with their nearest; shares are of features that have a direction. A feature
-- is found again above a cosine of 0.7, and split where two features of the other dictionary or more have it as nearest.
create view feature_splitting as
select
    m.model_id,
    m.recipe_id,
    m.model_id || '/' || m.recipe_id as sae_id,
    m.other_recipe_id,
    any_value(s.n_features) as n_features,
    any_value(o.n_features) as other_n_features,
    avg(m.cosine) as mmcs,
    avg((m.cosine > 0.7)::integer) as share_matched,
    avg((m.is_mutual and m.cosine > 0.7)::integer) as share_mutual,
    avg((m.n_split_features >= 2)::integer) as share_split,
    max(m.n_split_features) as max_split_features
from feature_match as m
left join sae as s using (model_id, recipe_id)
left join sae as o on o.model_id = m.model_id and o.recipe_id = m.other_recipe_id
group by all;
