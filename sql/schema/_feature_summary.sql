-- The best label of each feature and its top tokens, worked out when a dictionary is loaded: `feature_card` reads it.
create table _feature_summary (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    explanation_id varchar,
    label varchar,
    label_status varchar,
    explainer varchar,
    author varchar,
    llm varchar,
    n_labels_tested bigint,
    detection double,
    detection_ci_low double,
    detection_ci_high double,
    headline_scores map(varchar, double),
    density_weighted_scores map(varchar, double),
    specificity_mean double,
    specificity_density_weighted double,
    fraction_rated_3 double,
    control_rating double,
    specificity_above_controls double,
    n_ratings bigint,
    -- Not compressed: else a row here and there, which is how features that are named on a page are read, costs the
    -- dictionary of its whole block.
    top_tokens varchar[] using compression uncompressed,
    search_text varchar not null
);

create index _feature_summary_by_feature on _feature_summary (feature_id);

comment on table _feature_summary is 'One row per (model_id, recipe_id, feature_id): a feature that has an explanation or an example';
comment on column _feature_summary.model_id is 'Card of the model [id]';
comment on column _feature_summary.recipe_id is 'Card of the recipe [id]';
comment on column _feature_summary.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column _feature_summary.explanation_id is 'Best explanation; null where nobody tried [id]';
comment on column _feature_summary.label is 'Best label; null where every attempt failed [text]';
comment on column _feature_summary.label_status is 'ok, or why there is no label; null where nobody tried [text]';
comment on column _feature_summary.explainer is 'Who labelled [text]';
comment on column _feature_summary.author is 'The person who wrote it; null where none is named or none wrote it [text]';
comment on column _feature_summary.llm is 'Language model asked; null where none was [text]';
comment on column _feature_summary.n_labels_tested is 'Labels that it was chosen among by a test (people''s among people''s): where there are two or more, what follows is of the windows that had no part in choosing [labels]';
comment on column _feature_summary.detection is 'Balanced accuracy of the label in the detection test [fraction]';
comment on column _feature_summary.detection_ci_low is 'Where its 95 % interval begins [fraction]';
comment on column _feature_summary.detection_ci_high is 'Where its 95 % interval ends [fraction]';
comment on column _feature_summary.headline_scores is 'By scorer, the score that stands for it [numbers]';
comment on column _feature_summary.density_weighted_scores is 'By scorer that asks for yes or no, its balanced accuracy with each interval weighted by the firings in it [numbers]';
comment on column _feature_summary.specificity_mean is 'Mean over intervals of the mean rating of the label in each [0 to 3]';
comment on column _feature_summary.specificity_density_weighted is 'The same, each interval weighted by the firings in it [0 to 3]';
comment on column _feature_summary.fraction_rated_3 is 'Mean over intervals of the share of 3s in each [fraction]';
comment on column _feature_summary.control_rating is 'Mean rating of the label on controls [0 to 3]';
comment on column _feature_summary.specificity_above_controls is 'specificity_mean less control_rating [-3 to 3]';
comment on column _feature_summary.n_ratings is 'Ratings given [ratings]';
comment on column _feature_summary.top_tokens is 'Tokens at the peaks of the top examples, each once, strongest first [text]';
comment on column _feature_summary.search_text is 'Label, without the backticks around tokens, and top tokens in lower case, one a line [text]';
