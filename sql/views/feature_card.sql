-- What is known of a feature at a glance: how it fires, its best label and how specific that is, the tokens it peaks on.
-- Grain: one row per (model_id, recipe_id, feature_id); dead and unlabelled features are kept, with nulls.
-- Where the label was chosen among several that were put to the test (n_labels_tested above 1), its scores and ratings are of
-- the windows that had no part in choosing it.
create view feature_card as
select
    f.model_id,
    f.recipe_id,
    f.model_id || '/' || f.recipe_id as sae_id,
    f.feature_id,
    s.label,
    s.label_status,
    s.explanation_id,
    s.explainer,
    s.llm,
    s.n_labels_tested,
    s.detection,
    s.detection_ci_low,
    s.detection_ci_high,
    s.headline_scores,
    s.density_weighted_scores,
    s.specificity_mean,
    s.specificity_density_weighted,
    s.fraction_rated_3,
    s.control_rating,
    s.specificity_above_controls,
    s.n_ratings,
    s.top_tokens,
    f.is_dead,
    f.density,
    f.n_firings,
    f.n_tokens,
    f.mean_activation,
    f.std_activation,
    f.max_activation,
    f.decoder_norm,
    f.encoder_decoder_cosine,
    f.logit_skew,
    f.logit_kurtosis
from feature as f
left join _feature_summary as s using (model_id, recipe_id, feature_id);

comment on column feature_card.sae_id is 'model_id/recipe_id [id]';
