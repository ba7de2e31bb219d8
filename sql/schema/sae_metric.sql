-- How well a dictionary stands in for what it reads.
create table sae_metric (
    model_id varchar not null,
    recipe_id varchar not null,
    split varchar not null,
    metric varchar not null,
    value double not null,
    ci_low double,
    ci_high double,
    unit varchar not null,
    n_tokens bigint not null,
    n_documents bigint,
    check (isfinite(value)),
    check (metric not in ('fvu', 'l0', 'ce_clean', 'ce_with_sae', 'ce_mean_ablated') or value >= 0),
    check (metric not in ('shrinkage_gamma', 'norm_ratio', 'latents_per_letter') or value >= 0),
    check (metric not in ('dead_fraction', 'first_letter_accuracy', 'absorption_rate', 'absorption_fraction') or value between 0 and 1),
    check (not starts_with(metric, 'sparse_probing_') or value between 0 and 1),
    check (metric <> 'largest_rows_share' or value between 0 and 1.000001),
    check (ci_low <= ci_high),
    check (n_documents >= 0),
    check (n_tokens >= 0)
);

comment on table sae_metric is 'One row per (model_id, recipe_id, split, metric): a number measured on one split of the documents. Refers to sae (model_id, recipe_id)';
comment on column sae_metric.model_id is 'Card of the model [id]';
comment on column sae_metric.recipe_id is 'Card of the recipe [id]';
comment on column sae_metric.split is 'Documents it was measured on [text]';
comment on column sae_metric.metric is 'fvu, largest_rows_share (of the variance, what the 1 % of rows farthest from the mean hold: FVU is about them where it is large), l0, ce_clean, ce_with_sae, ce_mean_ablated, ce_recovered, kl, ce_with_set, ce_set_mean_ablated, ce_recovered_by_set, kl_with_set (all MLPs of a set of transcoders replaced at once; with its first block), dead_fraction, shrinkage_gamma, norm_ratio, sparse_probing_k1, sparse_probing_k5, sparse_probing_k20 (latents chosen by their own area under the ROC curve), sparse_probing_by_difference_k1, sparse_probing_by_difference_k5, sparse_probing_by_difference_k20 (by the difference of their means, as SAEBench), sparse_probing_raw, probing_targets (how many targets the areas of sparse probing are means over), first_letter_accuracy, latents_per_letter, absorption_rate (words whose letter''s main latents are silent while another speaks for it) or absorption_fraction (how much of the letter other latents bring, mean over the words); a metric that is undefined, or has too few tokens, has no row [text]';
comment on column sae_metric.value is 'The number, in the row''s unit [see unit]';
comment on column sae_metric.ci_low is 'Lower end of the 95 % interval, by bootstrap over documents; null where the metric has none [see unit]';
comment on column sae_metric.ci_high is 'Upper end; null likewise [see unit]';
comment on column sae_metric.unit is 'Unit of the number [text]';
comment on column sae_metric.n_tokens is 'Tokens it was measured on [tokens]';
comment on column sae_metric.n_documents is 'Documents that the interval is over; null where the metric has none [documents]';
