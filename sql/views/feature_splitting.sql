-- How much of one dictionary is found again in another of the same model and site, and how much of it splits there.
-- Grain: one row per (model_id, recipe_id, other_recipe_id); a pair of dictionaries has up to two rows, one each way.
-- mmcs is the mean over features of the cosine with their nearest; shares are of features that have a direction. A feature
-- is found again above a cosine of same_feature_cosine, and split where two features of the other dictionary or more have it as nearest.
create view feature_splitting as
select
    m.model_id,
    m.recipe_id,
    m.model_id || '/' || m.recipe_id as sae_id,
    m.other_recipe_id,
    any_value(s.n_features) as n_features,
    any_value(o.n_features) as other_n_features,
    avg(m.cosine) as mmcs,
    same_feature_cosine() as same_feature_cosine,
    avg((m.cosine > same_feature_cosine())::integer) as share_matched,
    avg((m.is_mutual and m.cosine > same_feature_cosine())::integer) as share_mutual,
    avg((m.n_split_features >= 2)::integer) as share_split,
    max(m.n_split_features) as max_split_features
from feature_match as m
left join sae as s using (model_id, recipe_id)
left join sae as o on o.model_id = m.model_id and o.recipe_id = m.other_recipe_id
group by all;

comment on column feature_splitting.sae_id is 'model_id/recipe_id [id]';
comment on column feature_splitting.n_features is 'Features of the dictionary [features]';
comment on column feature_splitting.other_n_features is 'Features of the other dictionary [features]';
comment on column feature_splitting.mmcs is 'Mean over features of the cosine with their nearest in the other dictionary [cosine]';
comment on column feature_splitting.same_feature_cosine is 'Cosine above which two features count as the same [cosine]';
comment on column feature_splitting.share_matched is 'Features whose nearest is the same feature [fraction]';
comment on column feature_splitting.share_mutual is 'Features that have each other as nearest, and are the same feature [fraction]';
comment on column feature_splitting.share_split is 'Features that two features of the other dictionary or more have as nearest [fraction]';
comment on column feature_splitting.max_split_features is 'The most features of the other dictionary that have one feature as nearest [features]';
