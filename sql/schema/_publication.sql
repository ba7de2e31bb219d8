-- What the file was published from: one row.
create table _publication (
    published_at timestamp not null,
    tables_url varchar not null,
    schema_sha256 varchar not null,
    rules_sha256 varchar not null,
    views_sha256 varchar not null
);

comment on table _publication is 'One row per (published_at): the publication that made this file';
comment on column _publication.published_at is 'When it was published [UTC]';
comment on column _publication.tables_url is 'Folder of Parquet tables that it was published from [path or URL]';
comment on column _publication.schema_sha256 is 'Hash of the schema; a file with another is rebuilt from the store [sha256]';
comment on column _publication.rules_sha256 is 'Hash of the rules that `_violation` was found by [sha256]';
comment on column _publication.views_sha256 is 'Hash of the views, macros and functions of the file; where it is the same they stay [sha256]';
