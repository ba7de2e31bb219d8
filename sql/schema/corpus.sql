-- Texts that models were read on.
create table corpus (
    corpus_id varchar not null,
    frame_sha256 varchar not null,
    source varchar not null,
    n_documents bigint,
    n_contexts bigint,
    n_tokens bigint not null,
    n_special bigint,
    n_skipped bigint,
    n_held_out bigint,
    n_near_copies bigint,
    n_framed bigint,
    n_left_out bigint,
    context_length bigint,
    sha256 varchar not null,
    check (n_documents >= 0),
    check (n_contexts >= 0),
    check (n_tokens >= 0),
    check (n_special >= 0),
    check (n_skipped between 0 and n_tokens),
    check (n_held_out between 0 and n_documents),
    check (n_near_copies between 0 and n_documents),
    check (n_framed >= 0),
    check (n_left_out >= 0),
    check (context_length > 0)
);

comment on table corpus is 'One row per (corpus_id, frame_sha256): a corpus as one tokenizer cuts it in one frame';
comment on column corpus.corpus_id is 'Corpus [id]';
comment on column corpus.frame_sha256 is 'Hash of the tokenizer that cut it and of the frame: special tokens around each context, and first tokens that are not read [sha256]';
comment on column corpus.source is 'Where its text came from [text]';
comment on column corpus.n_documents is 'Documents; null where an import does not say [documents]';
comment on column corpus.n_contexts is 'Rows of tokens fed to the model; null where an import does not say [contexts]';
comment on column corpus.n_tokens is 'Tokens of text [tokens]';
comment on column corpus.n_special is 'Special tokens fed to the model besides; null where an import does not say [tokens]';
comment on column corpus.n_skipped is 'Tokens of text at the start of contexts that are fed but not read (skip_first); null where an import does not say [tokens]';
comment on column corpus.n_held_out is 'Documents held out from training, near copies together; null where an import does not say [documents]';
comment on column corpus.n_near_copies is 'Documents that share half or more of their runs of five tokens with another; null where an import does not say [documents]';
comment on column corpus.n_framed is 'Documents that began with the special tokens of the frame by themselves, which are not put before them twice; null where an import does not say [documents]';
comment on column corpus.n_left_out is 'Files, rows and documents that were left out; the asset says why and names the first; null where an import does not say [rows]';
comment on column corpus.context_length is 'Longest context; null where an import does not say [tokens]';
comment on column corpus.sha256 is 'Hash of what it was made from [sha256]';
