-- Which units are one family: the same tuning, turned.
create table unit_family (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar,
    site varchar not null,
    feature_id integer,
    channel integer,
    family_id integer,
    best_stimulus varchar not null,
    family_stimulus varchar,
    n_members bigint,
    coverage double,
    check (feature_id is null or recipe_id is not null),
    check ((family_id is null) = (n_members is null)),
    check (n_members > 0),
    check (coverage between 0 and 1.000001)
);

comment on table unit_family is 'One row per (model_id, experiment_id, site, feature_id, channel): the family of one unit. Refers to experiment (model_id, experiment_id), feature (model_id, recipe_id, feature_id)';
comment on column unit_family.model_id is 'Card of the model [id]';
comment on column unit_family.experiment_id is 'Card of the experiment [id]';
comment on column unit_family.recipe_id is 'Recipe of the dictionary whose feature is meant; null of a channel [id]';
comment on column unit_family.site is 'Site of the unit [text]';
comment on column unit_family.feature_id is 'Feature of the dictionary; null of a channel [index]';
comment on column unit_family.channel is 'Channel of the site; null of a feature [index]';
comment on column unit_family.family_id is 'Family, numbered by size; null of a unit in none [index]';
comment on column unit_family.best_stimulus is 'Kind of stimulus with the units strongest answer [text]';
comment on column unit_family.family_stimulus is 'That of most of the family [text]';
comment on column unit_family.n_members is 'Units of the family [count]';
comment on column unit_family.coverage is 'The least, over the angles of that stimulus, of the strongest members answer, each members peak being 1: near 1 where every direction has a member [fraction]';
