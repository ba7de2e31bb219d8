-- How well labels predict where features fire.
create table explanation_score (
    model_id varchar not null,
    recipe_id varchar not null,
    explanation_id varchar not null,
    scorer varchar not null,
    metric varchar not null,
    value double,
    low double,
    high double,
    n bigint,
    n_failed bigint,
    is_headline boolean,
    check (isfinite(value)),
    check (isfinite(low) and low <= value + 1e-9),
    check (isfinite(high) and value <= high + 1e-9),
    check (n >= 0),
    check (n_failed >= 0)
);

comment on table explanation_score is 'One row per (explanation_id, scorer, metric): a score of an explanation';
comment on column explanation_score.model_id is 'Card of the model [id]';
comment on column explanation_score.recipe_id is 'Card of the recipe [id]';
comment on column explanation_score.explanation_id is 'Explanation whose label is scored [id]';
comment on column explanation_score.scorer is 'Test that the label was put to: specificity, or a file of models/autointerp/scorers, or an import''s own name [text]';
comment on column explanation_score.metric is 'What of its outcome is measured, such as balanced_accuracy, auroc or pearson [text]';
comment on column explanation_score.value is 'The score; null where every trial failed [1]';
comment on column explanation_score.low is 'Where the 95 % interval of the score begins; null where there is none [1]';
comment on column explanation_score.high is 'Where the 95 % interval of the score ends; null where there is none [1]';
comment on column explanation_score.n is 'Trials that count; null where an import does not say [examples]';
comment on column explanation_score.n_failed is 'Trials without an answer; null where an import does not say [examples]';
comment on column explanation_score.is_headline is 'Whether the metric stands for its scorer where there is room for one number; false for tests that only an import knows [boolean]';
