-- How the last run of each stage went, as the store's records said when the file was published.
create table stage_run (
    stage varchar not null,
    model_id varchar not null,
    recipe_id varchar,
    experiment_id varchar,
    status varchar not null,
    run_id varchar not null,
    began_at timestamp not null,
    seconds double,
    succeeded_at timestamp,
    made_at timestamp,
    made_seconds double,
    made_peak_memory_bytes bigint,
    made_peak_gpu_bytes bigint,
    made_written_bytes bigint,
    failure varchar,
    what_to_do varchar,
    check (seconds >= 0),
    check (status in ('running', 'succeeded', 'failed', 'stopped', 'killed', 'check failed'))
);

comment on table stage_run is 'One row per (stage, model_id, recipe_id, experiment_id): a stage that was run for a partition';
comment on column stage_run.stage is 'Asset of Dagster [id]';
comment on column stage_run.model_id is 'Card of the model [id]';
comment on column stage_run.recipe_id is 'Card of the recipe; null where the stage is a method of experiments [id]';
comment on column stage_run.experiment_id is 'Card of the experiment; null where it is none [id]';
comment on column stage_run.status is 'running, succeeded, failed, stopped, killed (its process ended without a word) or check failed [text]';
comment on column stage_run.run_id is 'Run of Dagster [id]';
comment on column stage_run.began_at is 'When the last run of it began [UTC]';
comment on column stage_run.seconds is 'How long that took; null while it is under way and where it was killed [seconds]';
comment on column stage_run.succeeded_at is 'When it succeeded last; null where it never did [UTC]';
comment on column stage_run.made_at is 'When the last run began that wrote something: others found all there; null where none did [UTC]';
comment on column stage_run.made_seconds is 'How long that took [seconds]';
comment on column stage_run.made_peak_memory_bytes is 'Most memory that its process held; null where the system does not tell [bytes]';
comment on column stage_run.made_peak_gpu_bytes is 'Most memory of one GPU that its tensors held; null without a GPU [bytes]';
comment on column stage_run.made_written_bytes is 'Bytes that its process wrote into the store; those of a machine''s other processes are not counted [bytes]';
comment on column stage_run.failure is 'Why the last run did not succeed; null where it did [text]';
comment on column stage_run.what_to_do is 'What somebody does about it [text]';
