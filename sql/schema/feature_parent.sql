-- Which more general feature of the same dictionary a feature stands under.
create table feature_parent (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    kind varchar not null,
    parent_id integer not null,
    share double not null,
    lift double not null,
    cosine double not null,
    check (feature_id >= 0),
    check (parent_id >= 0),
    check (feature_id <> parent_id),
    check (kind in ('cofire', 'absorbed')),
    check (share between 0 and 1),
    check (lift >= 0),
    check (cosine between -1 and 1)
);

comment on table feature_parent is 'One row per (model_id, recipe_id, feature_id, kind): an edge of the tree of features. Refers to feature (model_id, recipe_id, feature_id)';
comment on column feature_parent.model_id is 'Card of the model [id]';
comment on column feature_parent.recipe_id is 'Recipe of the dictionary [id]';
comment on column feature_parent.feature_id is 'The child: latent of the dictionary, counted from 0 [index]';
comment on column feature_parent.kind is 'cofire: the parent fires wherever the child does, and is the narrowest that does; absorbed: it points the child''s way and hardly ever fires with it [name]';
comment on column feature_parent.parent_id is 'The parent: latent of the dictionary [index]';
comment on column feature_parent.share is 'Of the child''s firings, at which the parent fires too [fraction]';
comment on column feature_parent.lift is 'How many times as often the two fire together as chance would have it [times]';
comment on column feature_parent.cosine is 'Between their decoder directions [cosine]';
