-- How well one label fits the examples of its feature, from the weakest activations to the strongest.
-- Grain: one row per (model_id, recipe_id, feature_id, explanation_id, interval_index); the controls are the row with a null interval_index.
-- Ratings that the judge failed to give count in n_failed only; n_0 to n_3 are how often each rating was given.
create view feature_specificity_by_interval as
select
    model_id,
    recipe_id,
    model_id || '/' || recipe_id as sae_id,
    feature_id,
    explanation_id,
    interval_index,
    count(rating) as n,
    count(*) - count(rating) as n_failed,
    count(*) filter (where rating = 0) as n_0,
    count(*) filter (where rating = 1) as n_1,
    count(*) filter (where rating = 2) as n_2,
    count(*) filter (where rating = 3) as n_3,
    avg(rating) as mean_rating,
    avg((rating = 3)::integer) as fraction_rated_3
from specificity
group by all;

comment on column feature_specificity_by_interval.sae_id is 'model_id/recipe_id [id]';
comment on column feature_specificity_by_interval.n is 'Examples of the interval that the judge rated [ratings]';
comment on column feature_specificity_by_interval.n_failed is 'Examples of the interval that it failed to rate [ratings]';
comment on column feature_specificity_by_interval.n_0 is 'Ratings of 0 [ratings]';
comment on column feature_specificity_by_interval.n_1 is 'Ratings of 1 [ratings]';
comment on column feature_specificity_by_interval.n_2 is 'Ratings of 2 [ratings]';
comment on column feature_specificity_by_interval.n_3 is 'Ratings of 3 [ratings]';
comment on column feature_specificity_by_interval.mean_rating is 'Mean rating of the interval [0 to 3]';
comment on column feature_specificity_by_interval.fraction_rated_3 is 'Share of 3s among the ratings of the interval [fraction]';
