-- Which more general feature each feature stands under: of the same dictionary, or of a narrower one of the same site.
-- Grain: one row per (model_id, recipe_id, feature_id, kind, parent_recipe_id).
-- Of kind width: the feature of a narrower dictionary that points most alike, above the cosine at which two are the same.
create view feature_tree as
select
    p.model_id,
    p.recipe_id,
    p.model_id || '/' || p.recipe_id as sae_id,
    p.feature_id,
    p.kind,
    p.recipe_id as parent_recipe_id,
    p.parent_id,
    p.share,
    p.lift,
    p.cosine,
    c.density,
    q.density as parent_density
from feature_parent as p
inner join feature as c using (model_id, recipe_id, feature_id)
inner join feature as q on p.model_id = q.model_id and p.recipe_id = q.recipe_id and p.parent_id = q.feature_id
union all
select
    m.model_id,
    m.recipe_id,
    m.model_id || '/' || m.recipe_id as sae_id,
    m.feature_id,
    'width' as kind,
    m.other_recipe_id as parent_recipe_id,
    m.other_feature_id as parent_id,
    null as share,
    null as lift,
    m.cosine,
    c.density,
    q.density as parent_density
from feature_match as m
inner join sae as s using (model_id, recipe_id)
inner join sae as o on m.model_id = o.model_id and m.other_recipe_id = o.recipe_id and o.n_features < s.n_features
inner join feature as c using (model_id, recipe_id, feature_id)
inner join feature as q
    on m.model_id = q.model_id and m.other_recipe_id = q.recipe_id and m.other_feature_id = q.feature_id
where m.cosine > same_feature_cosine();

comment on column feature_tree.model_id is 'Card of the model [id]';
comment on column feature_tree.recipe_id is 'Recipe of the child''s dictionary [id]';
comment on column feature_tree.sae_id is 'model_id/recipe_id [id]';
comment on column feature_tree.feature_id is 'The child: latent of the dictionary [index]';
comment on column feature_tree.kind is 'cofire, absorbed, or width: of a narrower dictionary [name]';
comment on column feature_tree.parent_recipe_id is 'Dictionary of the parent: the same, but of kind width [id]';
comment on column feature_tree.parent_id is 'The parent: latent of its dictionary [index]';
comment on column feature_tree.share is 'Of the child''s firings, at which the parent fires too; null of kind width [fraction]';
comment on column feature_tree.lift is 'How many times as often the two fire together as chance would have it; null of kind width [times]';
comment on column feature_tree.cosine is 'Between their decoder directions [cosine]';
comment on column feature_tree.density is 'Share of the tokens on which the child fires [fraction]';
comment on column feature_tree.parent_density is 'Share of the tokens on which the parent fires [fraction]';
