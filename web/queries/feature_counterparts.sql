-- How many features have a counterpart in the other model, and the densest ones without.
with counted as (
    select
        recipe_id,
        other_model_id,
        other_recipe_id,
        n_places,
        median(correlation) as median_correlation,
        median(shuffled_correlation) as median_shuffled,
        avg((correlation > 0.7)::integer) as share_above,
        avg((shuffled_correlation > 0.7)::integer) as shuffled_share_above,
        count(*) as n_features
    from feature_counterpart
    where model_id = $model_id and experiment_id = $experiment_id
    group by all
)

select
    f.recipe_id,
    f.other_model_id,
    f.other_recipe_id,
    f.n_places,
    c.n_features,
    c.median_correlation,
    c.median_shuffled,
    c.share_above,
    c.shuffled_share_above,
    f.feature_id,
    f.other_feature_id,
    f.correlation,
    f.shuffled_correlation,
    f.is_mutual,
    f.n_firings,
    l.label,
    o.label as other_label
from feature_counterpart as f
inner join counted as c using (recipe_id, other_model_id, other_recipe_id, n_places)
left join _feature_summary as l
    on f.model_id = l.model_id and f.recipe_id = l.recipe_id and f.feature_id = l.feature_id
left join _feature_summary as o
    on f.other_model_id = o.model_id and f.other_recipe_id = o.recipe_id and f.other_feature_id = o.feature_id
where f.model_id = $model_id and f.experiment_id = $experiment_id
qualify
    row_number() over (order by f.n_firings >= 20 desc, f.correlation desc, f.feature_id) <= 12
    or row_number() over (order by f.n_firings >= 20 desc, f.correlation, f.feature_id) <= 12
order by f.correlation desc, f.feature_id;
