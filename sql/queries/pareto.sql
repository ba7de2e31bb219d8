-- Which dictionary is worth keeping at its sparsity?
select
    sae_id,
    architecture,
    site,
    n_features,
    l0,
    fvu,
    largest_rows_share,
    ce_recovered,
    dead_fraction,
    is_pareto_fvu,
    is_pareto_ce
from sae_pareto
order by model_id, site, output_site, l0, fvu;
