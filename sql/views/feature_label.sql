-- Every label of every feature, and how well it did in each test that it was put to.
-- Grain: one row per (model_id, recipe_id, feature_id, explanation_id); failed attempts are kept, without a label.
-- headline_scores has, for each test that the label was put to, the score that stands for it; detection, by which labels are
-- ranked, stands in a column too, with its 95 % interval. specificity_mean is the mean over intervals of the mean rating in
-- each, specificity_density_weighted and density_weighted_scores weigh each interval by the feature's firings in it,
-- fraction_rated_3 is the mean over intervals of the share of 3s; intervals without a rating are left out. Every number is of
-- all the label's windows: the best of several labels is too good by them, and `feature_card` says what it is worth.
create view feature_label as
select
    e.model_id,
    e.recipe_id,
    e.model_id || '/' || e.recipe_id as sae_id,
    e.feature_id,
    e.explanation_id,
    e.label,
    e.explainer,
    e.author,
    e.llm,
    e.prompt,
    e.status,
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
    s.n_failed
from explanation as e
left join _feature_label as s
    on
        e.model_id = s.model_id
        and e.recipe_id = s.recipe_id
        and e.explanation_id = s.explanation_id
        and s.part = 'all';

comment on column feature_label.sae_id is 'model_id/recipe_id [id]';
