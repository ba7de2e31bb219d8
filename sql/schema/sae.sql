-- Dictionaries: sparse autoencoders, trained here or imported.
create table sae (
    model_id varchar not null,
    recipe_id varchar not null,
    identity varchar not null,
    corpus_id varchar not null,
    frame_sha256 varchar not null,
    site varchar not null,
    output_site varchar,
    layer integer,
    architecture varchar not null,
    d_in bigint,
    n_features bigint not null,
    n_intervals integer,
    config json not null,
    n_training_tokens bigint,
    seed bigint,
    uri varchar not null,
    origin varchar not null,
    provenance_mismatch varchar,
    code_version varchar not null,
    created_at timestamp not null,
    check (layer >= 0),
    check (d_in > 0),
    check (n_features > 0),
    check (n_intervals > 0),
    check (n_training_tokens >= 0),
    check (origin in ('trained', 'neurons') or origin like 'imported:%')
);

comment on table sae is 'One row per (model_id, recipe_id): a dictionary over one site of one model. Refers to model (model_id). Refers to corpus (corpus_id, frame_sha256)';
comment on column sae.model_id is 'Card of the model [id]';
comment on column sae.recipe_id is 'Card of the recipe [id]';
comment on column sae.identity is 'Hash of what the cards asked for when it was made; compare with registry_entry.identity [sha256]';
comment on column sae.corpus_id is 'Corpus that its statistics were counted on [id]';
comment on column sae.frame_sha256 is 'Hash of the tokenizer that cut the corpus and of the frame of its contexts; unknown where a dump does not say [sha256]';
comment on column sae.site is 'Where it reads the model, such as resid_post.6 [text]';
comment on column sae.output_site is 'Where a transcoder writes; null for an autoencoder, which writes what it reads [text]';
comment on column sae.layer is 'Block that the site belongs to, from 0; null for the embedding [index]';
comment on column sae.architecture is 'Kind of dictionary, such as topk [text]';
comment on column sae.d_in is 'Width of the site; null where an import does not say [dimensions]';
comment on column sae.n_features is 'Latents, dead ones included [features]';
comment on column sae.n_intervals is 'Slices of (0, max activation] that its examples were drawn from, counted at publication; null where it has none [intervals]';
comment on column sae.config is 'Settings that it was made with [JSON]';
comment on column sae.n_training_tokens is 'Training tokens seen, epochs counted; null where an import does not say [tokens]';
comment on column sae.seed is 'Seed of the training; null where nothing was trained here [integer]';
comment on column sae.uri is 'Folder with its weights [path or URL]';
comment on column sae.origin is 'trained, imported:<format>, or neurons [text]';
comment on column sae.provenance_mismatch is 'What the file of an imported dictionary names otherwise than the cards do, as the recipe allows; null where nothing differs or nothing is named [text]';
comment on column sae.code_version is 'Version of the code that made it [text]';
comment on column sae.created_at is 'When it was made [UTC]';
