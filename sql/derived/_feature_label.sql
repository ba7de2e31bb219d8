-- What every label of the dictionaries in `touched` was found to be worth, by all windows and by each half of them.
-- `_feature_summary`, which comes next, chooses a label by one half and reports the other.
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
        ) as scores
    from explanation_score
    semi join touched using (model_id, recipe_id)
    group by all
),

part_score as (
    select
        model_id,
        recipe_id,
        explanation_id,
        scorer,
        unnest([
            {'part': 'all', 'value': value, 'ci_low': ci_low, 'ci_high': ci_high},
            {'part': 'choosing', 'value': choosing_value, 'ci_low': null, 'ci_high': null},
            {
                'part': 'reporting',
                'value': reporting_value,
                'ci_low': reporting_ci_low,
                'ci_high': reporting_ci_high
            }
        ], recursive := true)
    from explanation_score
    semi join touched using (model_id, recipe_id)
    where is_headline
),

each_once as (
    from part_score
    qualify row_number() over (
        partition by model_id, recipe_id, explanation_id, part, scorer
        order by value desc nulls last
    ) = 1
),

headline as (
    select
        model_id,
        recipe_id,
        explanation_id,
        part,
        map_from_entries(list({'scorer': scorer, 'value': value} order by scorer)) as headline_scores,
        any_value(value) filter (where scorer = 'detection') as detection,
        any_value(ci_low) filter (where scorer = 'detection') as detection_ci_low,
        any_value(ci_high) filter (where scorer = 'detection') as detection_ci_high
    from each_once
    group by all
),

part_rating as (
    select
        model_id,
        recipe_id,
        explanation_id,
        feature_id,
        interval_index,
        rating,
        unnest(parts_of(is_choosing)) as part
    from specificity
    semi join touched using (model_id, recipe_id)
),

rated as (
    select
        model_id,
        recipe_id,
        explanation_id,
        feature_id,
        part,
        interval_index,
        avg(rating) as mean_rating,
        avg((rating = 3)::integer) as fraction_rated_3,
        count(rating) as n_ratings,
        count(*) - count(rating) as n_failed
    from part_rating
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
    semi join explanation using (model_id, recipe_id, feature_id)
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
        part,
        avg(mean_rating) filter (where interval_index is not null) as specificity_mean,
        sum(mean_rating * n_firings) / nullif(sum(n_firings) filter (where mean_rating is not null), 0)
            as specificity_density_weighted,
        avg(fraction_rated_3) filter (where interval_index is not null) as fraction_rated_3,
        max(mean_rating) filter (where interval_index is null) as control_rating,
        specificity_mean - control_rating as specificity_above_controls,
        sum(n_ratings)::bigint as n_ratings,
        sum(n_failed)::bigint as n_failed
    from rated
    left join fired using (model_id, recipe_id, feature_id, interval_index)
    group by all
),

part_judgement as (
    select
        model_id,
        recipe_id,
        explanation_id,
        feature_id,
        scorer,
        truth,
        interval_index,
        is_right,
        unnest(parts_of(is_choosing)) as part
    from judgement
    semi join touched using (model_id, recipe_id)
    where is_right is not null
),

answered as (
    select
        model_id,
        recipe_id,
        explanation_id,
        feature_id,
        scorer,
        part,
        truth,
        if(truth, interval_index, null) as interval_index,
        avg(is_right::integer) as fraction_right
    from part_judgement
    group by all
),

weighted as (
    select
        model_id,
        recipe_id,
        explanation_id,
        scorer,
        part,
        (
            sum(fraction_right * n_firings) filter (where truth) / nullif(sum(n_firings) filter (where truth), 0)
            + max(fraction_right) filter (where not truth)
        ) / 2 as value
    from answered
    left join fired using (model_id, recipe_id, feature_id, interval_index)
    group by all
),

density_weighted as (
    select
        model_id,
        recipe_id,
        explanation_id,
        part,
        map_from_entries(list({'scorer': scorer, 'value': value} order by scorer)) as density_weighted_scores
    from weighted
    where value is not null
    group by all
),

attempt as (
    select
        model_id,
        recipe_id,
        feature_id,
        explanation_id,
        unnest(['all', 'choosing', 'reporting']) as part
    from explanation
    semi join touched using (model_id, recipe_id)
)

select
    a.model_id,
    a.recipe_id,
    a.feature_id,
    a.explanation_id,
    a.part,
    headline.* exclude (model_id, recipe_id, explanation_id, part),
    density_weighted_scores,
    if(a.part = 'all', scores, null) as scores,
    specific.* exclude (model_id, recipe_id, explanation_id, part)
from attempt as a
left join scored using (model_id, recipe_id, explanation_id)
left join headline using (model_id, recipe_id, explanation_id, part)
left join specific using (model_id, recipe_id, explanation_id, part)
left join density_weighted using (model_id, recipe_id, explanation_id, part)
order by a.model_id, a.recipe_id, a.feature_id, a.explanation_id, a.part;
