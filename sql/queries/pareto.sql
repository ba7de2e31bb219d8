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
    on_fvu_front,
    on_ce_front
from sae_pareto
order by model_id, site, written_site, l0, fvu;
