-- Families of features that point alike, each named by the label of the member nearest to its mean direction.
-- Grain: one row per (model_id, recipe_id, family_id).
create view feature_family_card as
select
    f.model_id,
    f.recipe_id,
    f.model_id || '/' || f.recipe_id as sae_id,
    f.family_id,
    first(s.label order by f.rank) filter (where s.label is not null and not starts_with(s.label, 'unclear')) as name,
    count(*) as n_features,
    avg(f.score) as tightness,
    list(f.feature_id order by f.rank) as members,
    mode(s.top_tokens[1]) as commonest_token,
    count(distinct s.top_tokens[1]) as n_top_tokens
from feature_family as f
left join _feature_summary as s using (model_id, recipe_id, feature_id)
group by all;

comment on column feature_family_card.sae_id is 'model_id/recipe_id [id]';
comment on column feature_family_card.name is 'Label of the labelled member nearest to the mean direction; null where none is labelled [text]';
comment on column feature_family_card.n_features is 'Members [features]';
comment on column feature_family_card.tightness is 'Mean cosine of the members to their mean direction [cosine]';
comment on column feature_family_card.members is 'Features, the nearest to the mean direction first [index]';
comment on column feature_family_card.commonest_token is 'Token on which most members are strongest [text]';
comment on column feature_family_card.n_top_tokens is 'Different tokens on which members are strongest: 1 where all peak on one [tokens]';
