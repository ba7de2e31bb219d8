-- How good each dictionary is and what is known of it, at a glance.
-- Grain: one row per (model_id, recipe_id); numbers of stages that have not run are null.
-- Metrics are those of held-out documents; a dictionary measured on several splits shows the largest number of each.
-- Ratings are means over features, of each the best label.
create view sae_summary as
with metric as (
    select
        model_id,
        recipe_id,
        max(value) filter (where metric = 'l0') as l0,
        max(value) filter (where metric = 'fvu') as fvu,
        max(value) filter (where metric = 'ce_recovered') as ce_recovered,
        max(value) filter (where metric = 'kl') as kl
    from sae_metric
    where split <> 'train'
    group by all
),

counted as (
    select
        model_id,
        recipe_id,
        count(*) filter (where is_dead) as n_dead,
        avg(is_dead::integer) as dead_fraction,
        any_value(n_tokens) as n_tokens,
        median(density) filter (where not is_dead) as median_density
    from feature
    group by all
),

labelled as (
    select
        model_id,
        recipe_id,
        count(label) as n_labelled,
        count(*) filter (where label_status <> 'ok') as n_failed_labels,
        avg(specificity_mean) as specificity_mean,
        avg(control_rating) as control_rating
    from _feature_summary
    where explanation_id is not null
    group by all
),

spent as (
    select
        model_id,
        recipe_id,
        sum(cost_usd) as cost_usd
    from llm_request
    group by all
)

select
    s.model_id,
    s.recipe_id,
    s.model_id || '/' || s.recipe_id as sae_id,
    m.source as model_source,
    m.revision as model_revision,
    s.corpus_id,
    s.site,
    s.layer,
    s.architecture,
    s.origin,
    s.d_in,
    s.n_features,
    c.n_tokens,
    c.n_dead,
    c.dead_fraction,
    c.median_density,
    metric.l0,
    metric.fvu,
    metric.ce_recovered,
    metric.kl,
    l.n_labelled,
    l.n_failed_labels,
    l.specificity_mean,
    l.control_rating,
    p.cost_usd,
    s.created_at
from sae as s
left join model as m using (model_id)
left join counted as c using (model_id, recipe_id)
left join metric using (model_id, recipe_id)
left join labelled as l using (model_id, recipe_id)
left join spent as p using (model_id, recipe_id);
