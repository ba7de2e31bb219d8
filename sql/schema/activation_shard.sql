-- Files that hold harvested activations.
create table activation_shard (
    model_id varchar not null,
    site varchar not null,
    shard integer not null,
    uri varchar not null,
    n_tokens bigint not null,
    width bigint not null,
    dtype varchar not null,
    bytes bigint not null,
    sha256 varchar not null,
    check (shard >= 0),
    check (n_tokens >= 0),
    check (width > 0),
    check (bytes >= 0),
    check (dtype in ('bfloat16', 'float16', 'float32'))
);

comment on table activation_shard is 'One row per (model_id, site, shard): a file of activations';
comment on column activation_shard.model_id is 'Card of the model [id]';
comment on column activation_shard.site is 'Where the activations were read, such as resid_post.6 [text]';
comment on column activation_shard.shard is 'Number of the file, from 0 [index]';
comment on column activation_shard.uri is 'The file [path or URL]';
comment on column activation_shard.n_tokens is 'Rows: special tokens, skipped ones and outliers have none; activation_site counts them [tokens]';
comment on column activation_shard.width is 'Length of an activation vector [dimensions]';
comment on column activation_shard.dtype is 'Number format of the stored vectors [text]';
comment on column activation_shard.bytes is 'Size of the file [bytes]';
comment on column activation_shard.sha256 is 'Hash of the file [sha256]';
