-- Every dictionary: how sparse and how faithful it is, and what is known of it.
select
    model_id,
    recipe_id,
    site,
    architecture,
    n_features,
    l0,
    fvu,
    largest_rows_share,
    ce_recovered,
    dead_fraction,
    n_labelled,
    specificity_above_controls,
    cost_usd,
    created_at
from sae_summary
order by model_id, site, l0 nulls last, recipe_id;
