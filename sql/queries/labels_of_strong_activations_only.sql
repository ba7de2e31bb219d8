-- Which labels fit the strongest activations of their feature and not the weak ones?
with graded as (
    select
        model_id,
        recipe_id,
        explanation_id,
        arg_max(mean_rating, interval_index) as strongest,
        avg(mean_rating) filter (where 2 * interval_index < n_intervals) as weak_half
    from feature_specificity_by_interval
    join sae using (model_id, recipe_id)
    where interval_index is not null
    group by all
)

select
    c.sae_id,
    c.feature_id,
    c.label,
    g.strongest,
    g.weak_half,
    c.specificity_mean,
    c.control_rating,
    c.specificity_density_weighted,
    c.density
from graded as g
join feature_card as c using (model_id, recipe_id, explanation_id)
where g.strongest >= 2.5 and g.weak_half <= 1
order by g.strongest - g.weak_half desc, c.density desc, c.sae_id, c.feature_id
limit 20;
