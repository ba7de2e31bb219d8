-- Features of one dictionary found again in another of the same model that writes to the same site.
create table feature_match (
    model_id varchar not null,
    recipe_id varchar not null,
    other_recipe_id varchar not null,
    feature_id integer not null,
    other_feature_id integer not null,
    cosine double not null,
    is_mutual boolean not null,
    n_split_features integer not null,
    check (recipe_id <> other_recipe_id),
    check (feature_id >= 0),
    check (other_feature_id >= 0),
    check (cosine between -1.000001 and 1.000001),
    check (n_split_features >= 0)
);

comment on table feature_match is 'One row per (model_id, recipe_id, other_recipe_id, feature_id): a feature with a decoder direction, and its likest in another dictionary that was there when the row was made. Refers to feature (model_id, recipe_id, feature_id)';
comment on column feature_match.model_id is 'Card of the model [id]';
comment on column feature_match.recipe_id is 'Card of the recipe [id]';
comment on column feature_match.other_recipe_id is 'Recipe of the other dictionary, of the same model [id]';
comment on column feature_match.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column feature_match.other_feature_id is 'Feature of the other dictionary whose decoder direction is nearest [index]';
comment on column feature_match.cosine is 'Cosine of the two decoder directions [cosine]';
comment on column feature_match.is_mutual is 'Whether this feature is in turn the nearest to its nearest [boolean]';
comment on column feature_match.n_split_features is 'Features of the other dictionary that have this one as their nearest, with a cosine above same_feature_cosine() [features]';
