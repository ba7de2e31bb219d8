-- Features that point or fire like another.
create table neighbor (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    kind varchar not null,
    rank integer not null,
    other_model_id varchar not null,
    other_recipe_id varchar not null,
    other_feature_id integer not null,
    value double not null,
    check (feature_id >= 0),
    check (kind in ('decoder_cosine', 'cofiring_jaccard')),
    check (rank >= 0),
    check (other_feature_id >= 0),
    check (value between -1.000001 and 1.000001)
);

comment on table neighbor is 'One row per (model_id, recipe_id, feature_id, kind, rank): a feature near another. Refers to feature (model_id, recipe_id, feature_id)';
comment on column neighbor.model_id is 'Card of the model [id]';
comment on column neighbor.recipe_id is 'Card of the recipe [id]';
comment on column neighbor.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column neighbor.kind is 'decoder_cosine (points alike) or cofiring_jaccard (fires alike) [text]';
comment on column neighbor.rank is 'Place among the near ones [index]';
comment on column neighbor.other_model_id is 'Model of the near feature [id]';
comment on column neighbor.other_recipe_id is 'Recipe of the near feature [id]';
comment on column neighbor.other_feature_id is 'The near feature [index]';
comment on column neighbor.value is 'Cosine of decoder directions, or Jaccard index of the tokens on which both fire [cosine or fraction]';
