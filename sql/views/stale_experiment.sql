-- Experiments that the registry asks for and the store does not have, or has from other cards, prompts or dictionaries.
-- Grain: one row per (model_id, experiment_id) that needs a run; none when everything is up to date.
create view stale_experiment as
select
    r.model_id,
    r.experiment_id,
    case
        when r.identity is null then 'cannot be asked yet'
        when e.identity_sha256 is null then 'never made'
        else 'made from other cards, prompts, model or dictionary'
    end as reason,
    r.identity as wanted_identity,
    e.identity_sha256 as found_identity,
    e.created_at as found_created_at
from registry_experiment as r
left join experiment as e using (model_id, experiment_id)
where e.identity_sha256 is distinct from r.identity;

comment on column stale_experiment.reason is 'Why it needs a run: cannot be asked yet (its dictionary is not made, or a card cannot be read), never made, or made from other cards, prompts, model or dictionary [text]';
comment on column stale_experiment.wanted_identity is 'Hash of what the registry asks for [hash]';
comment on column stale_experiment.found_identity is 'Hash of what the store has; null where nothing was made [hash]';
comment on column stale_experiment.found_created_at is 'When that was made [UTC]';
