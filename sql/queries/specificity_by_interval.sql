-- Do labels fit weak activations as well as strong ones?
select
    sae_id,
    interval_index,
    n,
    mean_rating,
    fraction_rated_3
from specificity_by_interval
order by sae_id, interval_index desc nulls last;
