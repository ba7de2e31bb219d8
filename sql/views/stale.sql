-- SAEs that the registry asks for and the store does not have, or has from other cards.
-- Grain: one row per (model_id, recipe_id) that needs a run; none when everything is up to date.
create view stale as
select
    r.model_id,
    r.recipe_id,
    r.model_id || '/' || r.recipe_id as sae_id,
    case
        when s.identity is null then 'never made'
        else 'made from other cards'
    end as reason,
    r.identity as wanted_identity,
    s.identity as found_identity,
    s.created_at as found_created_at
from registry_entry as r
left join sae as s using (model_id, recipe_id)
where s.identity is distinct from r.identity;

comment on column stale.sae_id is 'model_id/recipe_id [id]';
comment on column stale.reason is 'Why it needs a run: never made, or made from other cards [text]';
comment on column stale.wanted_identity is 'Hash of what the registry asks for [hash]';
comment on column stale.found_identity is 'Hash of what the store has; null where nothing was made [hash]';
comment on column stale.found_created_at is 'When that was made [UTC]';
