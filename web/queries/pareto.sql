-- Sparsity against faithfulness on held-out documents.
select
    model_id,
    recipe_id,
    case
        when written_site = site then site
        else site || ' to ' || written_site
    end as sites,
    l0,
    fvu,
    largest_rows_share,
    on_fvu_front
from sae_pareto
where l0 > 0 and fvu is not null
order by model_id, sites, l0;
