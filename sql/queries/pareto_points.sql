-- What is each dictionary worth at its sparsity, as one point of a plot? Models with the newest dictionaries first.
select
    p.model_id,
    p.recipe_id,
    p.l0,
    p.fvu,
    p.ce_recovered
from sae_pareto as p
inner join sae as s using (model_id, recipe_id)
where p.l0 > 0 and p.fvu > 0
order by max(s.created_at) over (partition by p.model_id) desc, p.model_id, p.recipe_id;
