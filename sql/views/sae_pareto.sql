-- Which dictionaries of a site are worth keeping: sparsity against faithfulness.
-- Grain: one row per (model_id, recipe_id) that was measured on held-out documents.
-- A dictionary is on a front where no other of its model, that reads and writes the same sites, is as sparse and as
-- faithful, and better in one of the two.
create view sae_pareto as
with measured as (
    select
        s.model_id,
        s.recipe_id,
        s.site,
        coalesce(s.output_site, s.site) as output_site,
        s.architecture,
        s.origin,
        s.n_features,
        max(m.value) filter (where m.metric = 'l0') as l0,
        max(m.value) filter (where m.metric = 'fvu') as fvu,
        max(m.value) filter (where m.metric = 'largest_rows_share') as largest_rows_share,
        max(m.value) filter (where m.metric = 'ce_recovered') as ce_recovered,
        max(m.value) filter (where m.metric = 'dead_fraction') as dead_fraction
    from sae as s
    inner join sae_metric as m using (model_id, recipe_id)
    where m.split = 'held_out'
    group by all
)

select
    a.model_id,
    a.recipe_id,
    a.model_id || '/' || a.recipe_id as sae_id,
    a.site,
    a.output_site,
    a.architecture,
    a.origin,
    a.n_features,
    a.l0,
    a.fvu,
    a.largest_rows_share,
    a.ce_recovered,
    a.dead_fraction,
    a.fvu is not null and not exists (
        from measured as b
        where b.model_id = a.model_id and b.site = a.site and b.output_site = a.output_site
        and b.l0 <= a.l0 and b.fvu <= a.fvu and (b.l0 < a.l0 or b.fvu < a.fvu)
    ) as is_pareto_fvu,
    a.ce_recovered is not null and not exists (
        from measured as b
        where b.model_id = a.model_id and b.site = a.site and b.output_site = a.output_site
        and b.l0 <= a.l0 and b.ce_recovered >= a.ce_recovered and (b.l0 < a.l0 or b.ce_recovered > a.ce_recovered)
    ) as is_pareto_ce
from measured as a;
