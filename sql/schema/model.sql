-- Language models whose features are in the warehouse.
create table model (
    model_id varchar not null,
    corpus_id varchar not null,
    source varchar not null,
    revision varchar,
    weights_sha256 varchar not null,
    architecture varchar not null,
    n_layers bigint,
    d_model bigint,
    vocab_size bigint,
    n_parameters bigint,
    dtype varchar not null,
    registered_at timestamp not null,
    check (n_layers >= 0),
    check (d_model > 0),
    check (vocab_size > 0),
    check (n_parameters > 0)
);

comment on table model is 'One row per (model_id): a language model at one revision';
comment on column model.model_id is 'Card of the model [id]';
comment on column model.corpus_id is 'Corpus that it is read on [id]';
comment on column model.source is 'Hub repository, folder or URL that the card names [text]';
comment on column model.revision is 'Commit that the card''s revision was resolved to; null for a folder [text]';
comment on column model.weights_sha256 is 'Hash of the weights [sha256]';
comment on column model.architecture is 'Class that transformers builds [text]';
comment on column model.n_layers is 'Blocks; null where an import does not say [layers]';
comment on column model.d_model is 'Width of the residual stream; null where an import does not say [dimensions]';
comment on column model.vocab_size is 'Rows of the unembedding; null where an import does not say [tokens]';
comment on column model.n_parameters is 'Weights, tied ones once; null where an import does not say [parameters]';
comment on column model.dtype is 'Number format that it computes in [text]';
comment on column model.registered_at is 'When its row was written [UTC]';
