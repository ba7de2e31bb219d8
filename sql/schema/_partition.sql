-- Which partition of the store each row was loaded from.
create table _partition (
    table_name varchar not null,
    partition varchar not null,
    identity_sha256 varchar not null,
    content_sha256 varchar not null,
    n_rows bigint not null,
    check (n_rows >= 0)
);

comment on table _partition is 'One row per (table_name, partition): a partition of the store, as it was loaded';
comment on column _partition.table_name is 'Table [text]';
comment on column _partition.partition is 'Its folder, such as model_id=a/recipe_id=b [text]';
comment on column _partition.identity_sha256 is 'Hash of what it was made from [sha256]';
comment on column _partition.content_sha256 is 'Hash of its files'' hashes [sha256]';
comment on column _partition.n_rows is 'Rows [rows]';
