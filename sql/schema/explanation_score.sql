-- How well labels predict where features fire.
create table explanation_score (
    model_id varchar not null,
    recipe_id varchar not null,
    explanation_id varchar not null,
    scorer varchar not null,
    metric varchar not null,
    value double,
    ci_low double,
    ci_high double,
    n_trials bigint,
    n_failed bigint,
    is_headline boolean not null,
    choosing_value double,
    reporting_value double,
    reporting_ci_low double,
    reporting_ci_high double,
    reporting_n_trials bigint,
    check (isfinite(value)),
    check (isfinite(ci_low) and ci_low <= value + 1e-9),
    check (isfinite(ci_high) and value <= ci_high + 1e-9),
    check (isfinite(choosing_value)),
    check (isfinite(reporting_value)),
    check (isfinite(reporting_ci_low) and reporting_ci_low <= reporting_value + 1e-9),
    check (isfinite(reporting_ci_high) and reporting_value <= reporting_ci_high + 1e-9),
    check (reporting_n_trials >= 0),
    check (n_trials >= 0),
    check (n_failed >= 0)
);

comment on table explanation_score is 'One row per (explanation_id, scorer, metric): a score of an explanation. Refers to explanation (model_id, recipe_id, explanation_id)';
comment on column explanation_score.model_id is 'Card of the model [id]';
comment on column explanation_score.recipe_id is 'Card of the recipe [id]';
comment on column explanation_score.explanation_id is 'Explanation whose label is scored [id]';
comment on column explanation_score.scorer is 'Test that the label was put to: a file of models/autointerp/scorers, or an import''s own name [text]';
comment on column explanation_score.metric is 'What of its outcome is measured, such as balanced_accuracy, auroc or pearson [text]';
comment on column explanation_score.value is 'The score; null where every trial failed [1]';
comment on column explanation_score.ci_low is 'Where the 95 % interval of the score begins, documents counted as clusters; null where there is none [1]';
comment on column explanation_score.ci_high is 'Where the 95 % interval of the score ends; null where there is none [1]';
comment on column explanation_score.n_trials is 'Trials that count; null where an import does not say [examples]';
comment on column explanation_score.n_failed is 'Trials without an answer; null where an import does not say [examples]';
comment on column explanation_score.is_headline is 'Whether the metric stands for its scorer where there is room for one number; false for tests that only an import knows [boolean]';
comment on column explanation_score.choosing_value is 'The score on the half of the trials by which the label of a feature is chosen among several; null where an import does not say, or there are none [1]';
comment on column explanation_score.reporting_value is 'The score on the trials that have no part in choosing, which is what the chosen label is worth; null likewise [1]';
comment on column explanation_score.reporting_ci_low is 'Where its 95 % interval begins; null where there is none [1]';
comment on column explanation_score.reporting_ci_high is 'Where its 95 % interval ends; null where there is none [1]';
comment on column explanation_score.reporting_n_trials is 'Trials that it is of; null where an import does not say [examples]';
