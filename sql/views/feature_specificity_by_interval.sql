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
