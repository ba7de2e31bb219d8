-- How many rows each table has: `table_rows` reads it.
create table _table_rows (
    table_name varchar not null,
    n_rows bigint not null,
    check (n_rows >= 0)
);

comment on table _table_rows is 'One row per (table_name): the size of a table';
comment on column _table_rows.table_name is 'Table [text]';
comment on column _table_rows.n_rows is 'Rows [rows]';
