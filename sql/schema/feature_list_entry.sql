-- Features on the lists that people made, in order.
create table feature_list_entry (
    list_id varchar not null,
    place bigint not null,
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    note varchar,
    tag varchar,
    status varchar,
    check (place >= 0),
    check (feature_id >= 0),
    check (status in ('proposed', 'confirmed', 'struck'))
);

comment on table feature_list_entry is 'One row per (list_id, place): a feature on a list. Refers to feature_list (list_id). Refers to feature (model_id, recipe_id, feature_id)';
comment on column feature_list_entry.list_id is 'Card of the list [id]';
comment on column feature_list_entry.place is 'Where it stands on the list, from 0 [index]';
comment on column feature_list_entry.model_id is 'Card of the model [id]';
comment on column feature_list_entry.recipe_id is 'Card of the recipe [id]';
comment on column feature_list_entry.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column feature_list_entry.note is 'What the list says of it; null where nothing is said [text]';
comment on column feature_list_entry.tag is 'What it might warn of, such as code_vulnerability; null where nothing is said [name]';
comment on column feature_list_entry.status is 'Of the tag: proposed, confirmed by what the model does without the feature, or struck; null without a tag [name]';
