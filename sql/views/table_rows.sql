-- How many rows each table has.
-- Grain: one row per table_name, the codes in the store included.
create view table_rows as
select
    table_name,
    n_rows
from _table_rows;
