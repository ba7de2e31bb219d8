-- The best label of each feature and its top tokens, worked out when a dictionary is loaded: `feature_card` reads it.
create table _feature_summary (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    explanation_id varchar,
    label varchar,
    label_status varchar,
    explainer varchar,
    llm varchar,
    detection double,
    specificity_mean double,
    control_rating double,
    n_ratings bigint,
    top_tokens varchar[],
    search_text varchar not null
);

comment on table _feature_summary is 'One row per (model_id, recipe_id, feature_id): a feature that has an explanation or an example';
comment on column _feature_summary.model_id is 'Card of the model [id]';
comment on column _feature_summary.recipe_id is 'Card of the recipe [id]';
comment on column _feature_summary.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column _feature_summary.explanation_id is 'Best explanation; null where nobody tried [id]';
comment on column _feature_summary.label is 'Best label; null where every attempt failed [text]';
comment on column _feature_summary.label_status is 'ok, or why there is no label; null where nobody tried [text]';
comment on column _feature_summary.explainer is 'Who labelled [text]';
comment on column _feature_summary.llm is 'Language model asked; null where none was [text]';
comment on column _feature_summary.detection is 'Balanced accuracy of the label in the detection test [fraction]';
comment on column _feature_summary.specificity_mean is 'Mean rating of the label on examples in which the feature fires [0 to 3]';
comment on column _feature_summary.control_rating is 'Mean rating of the label on controls [0 to 3]';
comment on column _feature_summary.n_ratings is 'Ratings given [ratings]';
comment on column _feature_summary.top_tokens is 'Tokens at the peaks of the top examples, each once, strongest first [text]';
comment on column _feature_summary.search_text is 'Label and top tokens in lower case, one a line [text]';
