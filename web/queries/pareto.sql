-- Sparsity against faithfulness on held-out documents.
select
    model_id,
    recipe_id,
    case
        when output_site is null then site
        else site || ' to ' || output_site
    end as sites,
    l0,
    fvu,
    largest_rows_share,
    is_pareto_fvu
from sae_pareto
where l0 > 0 and fvu is not null
order by model_id, sites, l0;
