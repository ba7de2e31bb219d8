-- Which partitions of the store could not be read: `left_out_partition` shows them.
create table _left_out (
    table_name varchar not null,
    partition varchar not null,
    model_id varchar,
    recipe_id varchar,
    experiment_id varchar,
    reason varchar not null,
    remedy varchar not null
);

comment on table _left_out is 'One row per (table_name, partition): a partition of the store that the publication went on without';
comment on column _left_out.table_name is 'Table [text]';
comment on column _left_out.partition is 'Its folder, such as model_id=a/recipe_id=b [text]';
comment on column _left_out.model_id is 'Card of the model; null where the partition names none [id]';
comment on column _left_out.recipe_id is 'Card of the recipe; null likewise [id]';
comment on column _left_out.experiment_id is 'Card of the experiment; null likewise [id]';
comment on column _left_out.reason is 'What was found in it [text]';
comment on column _left_out.remedy is 'What makes it again [text]';
