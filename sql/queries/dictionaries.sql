-- How good is each dictionary?
select
    sae_id,
    site,
    n_features,
    n_tokens,
    dead_fraction,
    l0,
    fvu,
    ce_recovered,
    n_labelled,
    specificity_mean
from sae_summary
order by sae_id;
