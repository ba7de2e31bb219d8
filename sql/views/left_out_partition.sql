-- Partitions of the store that the publication could not read and went on without.
-- Grain: one row per (table_name, partition); none when the file holds all of the store.
create view left_out_partition as
select
    table_name,
    partition,
    model_id,
    recipe_id,
    experiment_id,
    reason,
    remedy
from _left_out;
