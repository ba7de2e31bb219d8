-- What does the registry ask for that has not been made?
select
    sae_id,
    reason,
    found_created_at
from stale
order by sae_id;
