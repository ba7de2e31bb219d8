-- The bins of a feature's histogram hold each of its firings once.
with summed as (
    select
        model_id,
        recipe_id,
        feature_id,
        sum(n) as n
    from activation_histogram
    group by all
)

select
    f.model_id,
    f.recipe_id,
    'feature_id ' || f.feature_id || ' fires ' || f.n_firings || ' times, its histogram holds ' || coalesce(s.n, 0) as what
from feature as f
semi join activation_histogram using (model_id, recipe_id)
left join summed as s using (model_id, recipe_id, feature_id)
where f.n_firings <> coalesce(s.n, 0);
