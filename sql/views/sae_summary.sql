-- How good each dictionary is and what is known of it, at a glance.
-- Grain: one row per (model_id, recipe_id); numbers of stages that have not run are null.
-- Metrics are those of held-out documents; a dictionary measured on several splits shows the largest number of each.
-- FVU stands beside the share of the variance that the 1 % of rows farthest from the mean hold: where that is large, FVU is
-- about those rows. `one_position_fraction` is the share of the live features of which nearly all firings (95 % of five
-- or more) are at one position of the contexts.
-- Scores (headline_scores: by scorer) and ratings are means over features, of each the label that `feature_card` shows, by the
-- windows that it shows; n_ratings and n_failed_ratings count those of every label.
create view sae_summary as
with metric as (
    select
        model_id,
        recipe_id,
        max(value) filter (where metric = 'l0') as l0,
        max(value) filter (where metric = 'fvu') as fvu,
        max(ci_low) filter (where metric = 'fvu') as fvu_ci_low,
        max(ci_high) filter (where metric = 'fvu') as fvu_ci_high,
        max(value) filter (where metric = 'largest_rows_share') as largest_rows_share,
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
        median(density) filter (where not is_dead) as median_density,
        avg((n_firings >= 5 and top_position_share >= 0.95)::integer)
            filter (where top_position_share is not null) as one_position_fraction
    from feature
    group by all
),

labelled as (
    select
        model_id,
        recipe_id,
        count(label) as n_labelled,
        count(*) filter (where label_status <> 'ok') as n_failed_labels,
        avg(detection) as detection,
        1.96 * stddev_samp(detection) / sqrt(count(detection)) as detection_half_width,
        avg(specificity_mean) as specificity_mean,
        avg(specificity_density_weighted) as specificity_density_weighted,
        avg(fraction_rated_3) as fraction_rated_3,
        avg(control_rating) as control_rating,
        avg(specificity_above_controls) as specificity_above_controls
    from _feature_summary
    where explanation_id is not null
    group by all
),

tested as (
    select
        model_id,
        recipe_id,
        map_from_entries(list({'scorer': scorer, 'value': value} order by scorer)) as headline_scores
    from _sae_headline_score
    group by all
),

rated as (
    select
        model_id,
        recipe_id,
        sum(n_ratings)::bigint as n_ratings,
        sum(n_failed)::bigint as n_failed_ratings
    from _feature_label
    where part = 'all'
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
    s.provenance_mismatch,
    s.d_in,
    s.n_features,
    c.n_tokens,
    c.n_dead,
    c.dead_fraction,
    c.median_density,
    c.one_position_fraction,
    metric.l0,
    metric.fvu,
    metric.fvu_ci_low,
    metric.fvu_ci_high,
    metric.largest_rows_share,
    metric.ce_recovered,
    metric.kl,
    l.n_labelled,
    l.n_failed_labels,
    l.detection,
    l.detection - l.detection_half_width as detection_ci_low,
    l.detection + l.detection_half_width as detection_ci_high,
    t.headline_scores,
    l.specificity_mean,
    l.specificity_density_weighted,
    l.fraction_rated_3,
    l.control_rating,
    l.specificity_above_controls,
    r.n_ratings,
    r.n_failed_ratings,
    p.cost_usd,
    s.created_at
from sae as s
left join model as m using (model_id)
left join counted as c using (model_id, recipe_id)
left join metric using (model_id, recipe_id)
left join labelled as l using (model_id, recipe_id)
left join tested as t using (model_id, recipe_id)
left join rated as r using (model_id, recipe_id)
left join spent as p using (model_id, recipe_id);

comment on column sae_summary.sae_id is 'model_id/recipe_id [id]';
comment on column sae_summary.model_source is 'Where the model comes from [text]';
comment on column sae_summary.model_revision is 'Its commit, or what marks a folder''s content [text]';
comment on column sae_summary.n_tokens is 'Tokens on which its features were counted [tokens]';
comment on column sae_summary.n_dead is 'Features that never fired on these tokens [features]';
comment on column sae_summary.dead_fraction is 'Their share [fraction]';
comment on column sae_summary.median_density is 'Median density of the live features [fraction]';
comment on column sae_summary.one_position_fraction is 'Share of the live features that fire at one position of the contexts only [fraction]';
comment on column sae_summary.l0 is 'Features that fire on a token, mean over held-out documents [features]';
comment on column sae_summary.fvu is 'Fraction of variance unexplained on held-out documents [fraction]';
comment on column sae_summary.fvu_ci_low is 'Lower end of its 95 % interval over documents [fraction]';
comment on column sae_summary.fvu_ci_high is 'Upper end of its 95 % interval over documents [fraction]';
comment on column sae_summary.largest_rows_share is 'Share of the variance that the 1 % of held-out rows farthest from the mean hold [fraction]';
comment on column sae_summary.ce_recovered is 'Cross-entropy recovered on held-out documents: 1 as without the dictionary, 0 as with the mean in its place [fraction]';
comment on column sae_summary.kl is 'Divergence of the model''s predictions from those with the dictionary in place, held out [nats]';
comment on column sae_summary.n_labelled is 'Features that have a label [features]';
comment on column sae_summary.n_failed_labels is 'Features whose best attempt at a label failed [features]';
comment on column sae_summary.detection is 'Balanced accuracy of the best labels in the detection test, mean over features [fraction]';
comment on column sae_summary.detection_ci_low is 'Lower end of the 95 % interval of that mean over features; null of one feature [fraction]';
comment on column sae_summary.detection_ci_high is 'Upper end likewise [fraction]';
comment on column sae_summary.headline_scores is 'Headline score of the best labels by scorer, mean over features [map]';
comment on column sae_summary.specificity_mean is 'Specificity of the best labels, mean over features [0 to 3]';
comment on column sae_summary.specificity_density_weighted is 'The same, each interval weighted by the feature''s firings in it [0 to 3]';
comment on column sae_summary.fraction_rated_3 is 'Share of 3s of the best labels, mean over intervals and then over features [fraction]';
comment on column sae_summary.control_rating is 'Rating of controls by the best labels, mean over features [0 to 3]';
comment on column sae_summary.specificity_above_controls is 'specificity_mean less control_rating, mean over features [-3 to 3]';
comment on column sae_summary.n_ratings is 'Ratings that were given, of every label [ratings]';
comment on column sae_summary.n_failed_ratings is 'Ratings that the judge failed to give, of every label [ratings]';
comment on column sae_summary.cost_usd is 'Spent on language models for this dictionary [USD]';
