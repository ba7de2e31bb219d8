-- The strongest made text of each feature of an experiment, and its shortest.
with best as (
    select
        recipe_id,
        feature_id,
        max(ratio_to_corpus) filter (where method <> 'shorten') as ratio,
        arg_max(text, target) filter (where method <> 'shorten') as made,
        arg_max(surprise, target) filter (where method <> 'shorten') as surprise,
        arg_max(activation, target) filter (where method <> 'shorten') as activation,
        any_value(text) filter (where method = 'shorten') as shortest,
        any_value(n_before) filter (where method = 'shorten') as n_before
    from optimised_input
    where model_id = $model_id and experiment_id = $experiment_id
    group by all
)

select
    b.*,
    f.label,
    f.top_tokens
from best as b
left join _feature_summary as f on f.model_id = $model_id and b.recipe_id = f.recipe_id and b.feature_id = f.feature_id
order by b.ratio desc, b.feature_id
limit 60;
