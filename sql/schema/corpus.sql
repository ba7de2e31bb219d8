-- Texts that models were read on.
create table corpus (
    corpus_id varchar not null,
    tokenizer_sha256 varchar not null,
    source varchar not null,
    n_documents bigint,
    n_contexts bigint,
    n_tokens bigint not null,
    context_length bigint,
    sha256 varchar not null,
    check (n_documents >= 0),
    check (n_contexts >= 0),
    check (n_tokens >= 0),
    check (context_length > 0)
);

comment on table corpus is 'One row per (corpus_id, tokenizer_sha256): a corpus as one tokenizer cuts it';
comment on column corpus.corpus_id is 'Corpus [id]';
comment on column corpus.tokenizer_sha256 is 'Hash of the tokenizer that cut it [sha256]';
comment on column corpus.source is 'Where its text came from [text]';
comment on column corpus.n_documents is 'Documents; null where an import does not say [documents]';
comment on column corpus.n_contexts is 'Rows of tokens fed to the model; null where an import does not say [contexts]';
comment on column corpus.n_tokens is 'Tokens, special ones included [tokens]';
comment on column corpus.context_length is 'Longest context; null where an import does not say [tokens]';
comment on column corpus.sha256 is 'Hash of what it was made from [sha256]';
