-- What the registry asks for now.
create table registry_entry (
    model_id varchar not null,
    recipe_id varchar not null,
    identity varchar not null
);

comment on table registry_entry is 'One row per (model_id, recipe_id): a model and a recipe that the cards pair';
comment on column registry_entry.model_id is 'Card of the model [id]';
comment on column registry_entry.recipe_id is 'Card of the recipe [id]';
comment on column registry_entry.identity is 'Hash of what the cards ask for; compare with sae.identity [sha256]';
