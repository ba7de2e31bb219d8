-- Do labels fit weak activations as well as strong ones?
select
    sae_id,
    "interval",
    n,
    mean_rating,
    share_of_3
from specificity_by_interval
order by sae_id, "interval" desc nulls last;
