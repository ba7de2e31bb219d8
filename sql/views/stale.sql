-- Dictionaries that the registry asks for and the house does not have, or has from other cards.
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
