-- What labels mean, as vectors: search by meaning compares them.
create table label_embedding (
    model_id varchar not null,
    recipe_id varchar not null,
    explanation_id varchar not null,
    encoder varchar not null,
    embedding float[] not null,
    check (encoder <> ''),
    check (len(embedding) > 0),
    check (list_count(embedding) = len(embedding)),
    check (isfinite(list_sum(embedding)))
);

comment on table label_embedding is 'One row per (explanation_id, encoder): a label as one encoder reads it. Refers to explanation (model_id, recipe_id, explanation_id)';
comment on column label_embedding.model_id is 'Card of the model [id]';
comment on column label_embedding.recipe_id is 'Card of the recipe [id]';
comment on column label_embedding.explanation_id is 'Explanation whose label is read [id]';
comment on column label_embedding.encoder is 'Who reads it; only vectors of one encoder can be compared [text]';
comment on column label_embedding.embedding is 'The vector; labels of like meaning point alike [1]';
