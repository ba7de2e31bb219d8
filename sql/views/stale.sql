-- SAEs that the registry asks for and the store does not have, has from other cards, or has in files that cannot be read.
-- Grain: one row per (model_id, recipe_id) that needs a run; none when everything is up to date.
create view stale as
with unread as (
    select
        model_id,
        recipe_id,
        string_agg(table_name, ', ' order by table_name) as tables,
        bool_or(table_name = 'sae') as has_no_row
    from _left_out
    where recipe_id is not null
    group by all
)

select
    r.model_id,
    r.recipe_id,
    r.model_id || '/' || r.recipe_id as sae_id,
    case
        when u.has_no_row or s.identity is not distinct from r.identity then 'left out of the file: ' || u.tables
        when s.identity is null then 'never made'
        else 'made from other cards'
    end as reason,
    r.identity as wanted_identity,
    s.identity as found_identity,
    s.created_at as found_created_at
from registry_entry as r
left join sae as s using (model_id, recipe_id)
left join unread as u using (model_id, recipe_id)
where s.identity is distinct from r.identity or u.tables is not null;

comment on column stale.sae_id is 'model_id/recipe_id [id]';
comment on column stale.reason is 'Why it needs a run: never made, made from other cards, or left out of the file with these tables, which cannot be read (left_out_partition says why) [text]';
comment on column stale.wanted_identity is 'Hash of what the registry asks for [hash]';
comment on column stale.found_identity is 'Hash of what the store has; null where nothing was made [hash]';
comment on column stale.found_created_at is 'When that was made [UTC]';
