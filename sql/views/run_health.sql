-- How every stage of every partition is: whether its last run succeeded, since when, what making it cost, what to do.
-- Grain: one row per (stage, model_id, recipe_id, experiment_id). Failures first, then what succeeded longest ago.
create view run_health as
select
    stage,
    model_id,
    recipe_id,
    experiment_id,
    model_id || '/' || coalesce(recipe_id, experiment_id) as partition,
    status,
    status in ('succeeded', 'running') as is_healthy,
    succeeded_at,
    date_diff('second', succeeded_at, (now() at time zone 'UTC')::timestamp) / 3600 as hours_since_success,
    made_at,
    made_seconds,
    made_peak_memory_bytes,
    made_peak_gpu_bytes,
    made_written_bytes,
    failure,
    what_to_do,
    run_id
from stage_run
order by is_healthy, succeeded_at nulls first, stage, partition;

comment on column run_health.partition is 'model_id/recipe_id or model_id/experiment_id, as Dagster names it [id]';
comment on column run_health.is_healthy is 'Whether nobody needs to look: its last run succeeded, or is under way [true or false]';
comment on column run_health.hours_since_success is 'Hours from its last success until now; null where it never succeeded [hours]';
