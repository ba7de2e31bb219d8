-- What the registry asks for now.
create table registration (
    model_id varchar not null,
    recipe_id varchar not null,
    identity varchar not null
);

comment on table registration is 'One row per (model_id, recipe_id): a model and a recipe that the cards pair';
comment on column registration.model_id is 'Card of the model [id]';
comment on column registration.recipe_id is 'Card of the recipe [id]';
comment on column registration.identity is 'Hash of what the cards ask for; compare with sae.identity [sha256]';
