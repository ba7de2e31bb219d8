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
        s.output_site,
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
        where b.model_id = a.model_id and b.site = a.site and b.output_site is not distinct from a.output_site
        and b.l0 <= a.l0 and b.fvu <= a.fvu and (b.l0 < a.l0 or b.fvu < a.fvu)
    ) as is_pareto_fvu,
    a.ce_recovered is not null and not exists (
        from measured as b
        where b.model_id = a.model_id and b.site = a.site and b.output_site is not distinct from a.output_site
        and b.l0 <= a.l0 and b.ce_recovered >= a.ce_recovered and (b.l0 < a.l0 or b.ce_recovered > a.ce_recovered)
    ) as is_pareto_ce
from measured as a;

comment on column sae_pareto.sae_id is 'model_id/recipe_id [id]';
comment on column sae_pareto.l0 is 'Features that fire on a token, mean over held-out documents [features]';
comment on column sae_pareto.fvu is 'Fraction of variance unexplained on held-out documents [fraction]';
comment on column sae_pareto.largest_rows_share is 'Share of the variance that the 1 % of held-out rows farthest from the mean hold [fraction]';
comment on column sae_pareto.ce_recovered is 'Cross-entropy recovered on held-out documents: 1 as without the dictionary, 0 as with the mean in its place [fraction]';
comment on column sae_pareto.dead_fraction is 'Features that never fired on held-out documents [fraction]';
comment on column sae_pareto.is_pareto_fvu is 'Whether no other dictionary of the same sites is as sparse and has as low an FVU, and is better in one of them [boolean]';
comment on column sae_pareto.is_pareto_ce is 'The same of L0 and cross-entropy recovered [boolean]';
comment on column sae_pareto.model_id is 'Card of the model [id]';
comment on column sae_pareto.recipe_id is 'Card of the recipe [id]';
comment on column sae_pareto.site is 'Where the dictionary reads [text]';
comment on column sae_pareto.output_site is 'Where a transcoder writes; null for an autoencoder [text]';
comment on column sae_pareto.architecture is 'Architecture of the dictionary [text]';
comment on column sae_pareto.origin is 'trained, or imported: and the format [text]';
comment on column sae_pareto.n_features is 'Features of the dictionary [features]';
