-- Groups of features whose decoder directions point alike.
create table feature_family (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    family_id integer not null,
    rank integer not null,
    score double not null,
    check (feature_id >= 0),
    check (family_id >= 0),
    check (rank >= 0),
    check (score between -1 and 1)
);

comment on table feature_family is 'One row per (model_id, recipe_id, feature_id): a feature that stands in a family. Refers to feature (model_id, recipe_id, feature_id)';
comment on column feature_family.model_id is 'Card of the model [id]';
comment on column feature_family.recipe_id is 'Recipe of the dictionary [id]';
comment on column feature_family.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column feature_family.family_id is 'Family of the dictionary, the largest first [index]';
comment on column feature_family.rank is 'Place among the family''s members, the nearest to its mean direction first [index]';
comment on column feature_family.score is 'Cosine to the family''s mean direction [cosine]';
