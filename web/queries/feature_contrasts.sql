-- Features that tell each label from the others, the clearest first, with their best labels.
select
    c.label,
    c.recipe_id,
    c.feature_id,
    c.rank,
    c.n_units,
    c.n_other_units,
    c.firing_share,
    c.firing_share_others,
    c.auroc,
    c.q,
    c.n_tested,
    c.test_auroc,
    c.test_auroc_ci_low,
    c.test_auroc_ci_high,
    c.threshold,
    c.is_above,
    c.precision,
    c.recall,
    c.false_positive_rate,
    c.n_test,
    c.n_test_of_label,
    c.length_area,
    l.label as feature_label
from feature_contrast as c
left join _feature_summary as l using (model_id, recipe_id, feature_id)
where c.model_id = $model_id and c.experiment_id = $experiment_id and c.rank < 30
order by c.label, c.rank;
