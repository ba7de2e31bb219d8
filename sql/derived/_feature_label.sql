-- What every label of the dictionaries in `touched` was found to be worth: `_feature_summary`, which comes next, reads it.
-- A bin of the histogram counts for one interval, as `interval_of_bin` says.
-- Of a headline that stands there twice, against the grain of `explanation_score`, the higher counts.
-- Intervals without a rating are left out of every mean, and the weights of the others are made to add up to one again.
delete from _feature_label
using touched
where _feature_label.model_id = touched.model_id and _feature_label.recipe_id = touched.recipe_id;

insert into _feature_label by name
with scored as (
    select
        model_id,
        recipe_id,
        explanation_id,
        list(
            {
                'scorer': scorer,
                'metric': metric,
                'value': value,
                'ci_low': ci_low,
                'ci_high': ci_high,
                'n_trials': n_trials,
                'n_failed': n_failed,
                'is_headline': is_headline
            }
            order by scorer, metric
        ) as scores,
        list({'scorer': scorer, 'value': value} order by scorer, value desc nulls last) filter (where is_headline) as headlines
    from explanation_score
    semi join touched using (model_id, recipe_id)
    group by all
),

rated as (
    select
        model_id,
        recipe_id,
        explanation_id,
        feature_id,
        interval_index,
        avg(rating) as mean_rating,
        avg((rating = 3)::integer) as fraction_rated_3,
        count(rating) as n_ratings,
        count(*) - count(rating) as n_failed
    from specificity
    semi join touched using (model_id, recipe_id)
    group by all
),

bin as (
    select
        model_id,
        recipe_id,
        feature_id,
        lower,
        upper,
        max(upper) over (partition by model_id, recipe_id, feature_id) as maximum,
        n
    from activation_histogram
    semi join touched using (model_id, recipe_id)
    semi join rated using (model_id, recipe_id, feature_id)
    where upper > 0
),

fired as (
    select
        model_id,
        recipe_id,
        feature_id,
        interval_of_bin(lower, upper, maximum, n_intervals) as interval_index,
        sum(n) as n_firings
    from bin
    join sae using (model_id, recipe_id)
    group by all
),

specific as (
    select
        model_id,
        recipe_id,
        explanation_id,
        avg(mean_rating) filter (where interval_index is not null) as specificity_mean,
        sum(mean_rating * n_firings) / nullif(sum(n_firings) filter (where mean_rating is not null), 0)
            as specificity_density_weighted,
        avg(fraction_rated_3) filter (where interval_index is not null) as fraction_rated_3,
        max(mean_rating) filter (where interval_index is null) as control_rating,
        sum(n_ratings)::bigint as n_ratings,
        sum(n_failed)::bigint as n_failed
    from rated
    left join fired using (model_id, recipe_id, feature_id, interval_index)
    group by all
)

select
    e.model_id,
    e.recipe_id,
    e.feature_id,
    e.explanation_id,
    map_from_entries(
        list_filter(headlines, lambda score, place: place = 1 or headlines[place - 1].scorer <> score.scorer)
    ) as headline_scores,
    headline_scores['detection'] as detection,
    scores,
    specific.* exclude (model_id, recipe_id, explanation_id)
from explanation as e
semi join touched using (model_id, recipe_id)
left join scored using (model_id, recipe_id, explanation_id)
left join specific using (model_id, recipe_id, explanation_id)
order by e.model_id, e.recipe_id, e.feature_id, e.explanation_id;
