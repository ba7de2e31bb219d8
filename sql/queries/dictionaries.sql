-- How good is each dictionary?
select
    sae_id,
    site,
    n_features,
    n_tokens,
    dead_fraction,
    one_position_fraction,
    l0,
    fvu,
    largest_rows_share,
    ce_recovered,
    n_labelled,
    detection,
    specificity_above_controls
from sae_summary
order by sae_id;
