-- What each label was found to be worth, worked out when a dictionary is loaded: `feature_label` reads it.
create table _feature_label (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    explanation_id varchar not null,
    part varchar not null,
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
    n_failed bigint,
    scores struct(scorer varchar, metric varchar, value double, ci_low double, ci_high double, n_trials bigint, n_failed bigint, is_headline boolean)[]
);

comment on table _feature_label is 'One row per (explanation_id, part): an attempt of an explainer to label a feature, by all windows or by half of them';
comment on column _feature_label.model_id is 'Card of the model [id]';
comment on column _feature_label.recipe_id is 'Card of the recipe [id]';
comment on column _feature_label.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column _feature_label.explanation_id is 'Explanation [id]';
comment on column _feature_label.part is 'all, or the half of the windows by which a label is chosen (choosing), or the other (reporting) [text]';
comment on column _feature_label.detection is 'Balanced accuracy in the detection test [fraction]';
comment on column _feature_label.detection_ci_low is 'Where its 95 % interval begins; null of the half that chooses [fraction]';
comment on column _feature_label.detection_ci_high is 'Where its 95 % interval ends; null likewise [fraction]';
comment on column _feature_label.headline_scores is 'By scorer, the score that stands for it [numbers]';
comment on column _feature_label.density_weighted_scores is 'By scorer that asks for yes or no, its balanced accuracy with each interval weighted by the firings in it; null where these are not known [numbers]';
comment on column _feature_label.specificity_mean is 'Mean over intervals of the mean rating in each [0 to 3]';
comment on column _feature_label.specificity_density_weighted is 'Mean over intervals of the mean rating in each, weighted by the firings in it; null where these are not known [0 to 3]';
comment on column _feature_label.fraction_rated_3 is 'Mean over intervals of the share of 3s in each [fraction]';
comment on column _feature_label.control_rating is 'Mean rating on controls [0 to 3]';
comment on column _feature_label.specificity_above_controls is 'specificity_mean less control_rating [-3 to 3]';
comment on column _feature_label.n_ratings is 'Ratings given, controls included; null where nobody was asked [ratings]';
comment on column _feature_label.n_failed is 'Ratings that the judge failed to give; null where nobody was asked [ratings]';
comment on column _feature_label.scores is 'Its rows of explanation_score; null where it was put to no test [text and numbers]';
