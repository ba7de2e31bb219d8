-- How often do features fire: how many in each quarter decade of density?
select
    sae_id,
    lower,
    upper,
    n
from density_histogram
order by sae_id, lower nulls first;
