-- Experiments that the registry asks for and the store does not have, or has from other cards, prompts or dictionaries.
-- Grain: one row per (model_id, experiment_id) that needs a run; none when everything is up to date.
create view stale_experiment as
with unread as (
    select
        model_id,
        experiment_id,
        string_agg(table_name, ', ' order by table_name) as tables,
        bool_or(table_name = 'experiment') as has_no_row
    from _left_out
    where experiment_id is not null
    group by all
)

select
    r.model_id,
    r.experiment_id,
    case
        when r.identity is null then 'cannot be asked yet'
        when
            u.has_no_row or e.identity_sha256 is not distinct from r.identity
            then 'left out of the file: ' || u.tables
        when e.identity_sha256 is null then 'never made'
        else 'made from other cards, prompts, model or dictionary'
    end as reason,
    r.identity as wanted_identity,
    e.identity_sha256 as found_identity,
    e.created_at as found_created_at
from registry_experiment as r
left join experiment as e using (model_id, experiment_id)
left join unread as u using (model_id, experiment_id)
where e.identity_sha256 is distinct from r.identity or u.tables is not null;

comment on column stale_experiment.reason is 'Why it needs a run: cannot be asked yet (its dictionary is not made, or a card cannot be read), never made, made from other cards, prompts, model or dictionary, or left out of the file with these tables, which cannot be read (left_out_partition says why) [text]';
comment on column stale_experiment.wanted_identity is 'Hash of what the registry asks for [hash]';
comment on column stale_experiment.found_identity is 'Hash of what the store has; null where nothing was made [hash]';
comment on column stale_experiment.found_created_at is 'When that was made [UTC]';
