-- How many features of each dictionary fire how often, in quarter decades of density.
-- Grain: one row per (model_id, recipe_id, log10_density); dead features are the row with nulls.
create view density_histogram as
select
    model_id,
    recipe_id,
    model_id || '/' || recipe_id as sae_id,
    floor(4 * log10(nullif(density, 0))) / 4 as log10_density,
    pow(10, floor(4 * log10(nullif(density, 0))) / 4) as lower,
    pow(10, floor(4 * log10(nullif(density, 0))) / 4 + 0.25) as upper,
    count(*) as n
from feature
group by all;

comment on column density_histogram.sae_id is 'model_id/recipe_id [id]';
comment on column density_histogram.log10_density is 'Lower end of the bin, as a logarithm to base 10; null for dead features [log10]';
comment on column density_histogram.lower is 'Lower end of the bin [density]';
comment on column density_histogram.upper is 'Upper end of the bin [density]';
comment on column density_histogram.n is 'Features whose density is in the bin [features]';
