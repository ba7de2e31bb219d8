-- Every feature_id lies in 0 .. n_features - 1 of its dictionary.
with mentioned as (
    select 'feature' as table_name, model_id, recipe_id, feature_id from feature
    union all
    select 'logit_shape', model_id, recipe_id, feature_id from logit_shape
    union all
    select 'activation_histogram', model_id, recipe_id, feature_id from activation_histogram
    union all
    select 'example', model_id, recipe_id, feature_id from example
    union all
    select 'logit_effect', model_id, recipe_id, feature_id from logit_effect
    union all
    select 'neighbor', model_id, recipe_id, feature_id from neighbor
    union all
    select 'neighbor', other_model_id, other_recipe_id, other_feature_id from neighbor
    union all
    select 'feature_match', model_id, recipe_id, feature_id from feature_match
    union all
    select 'feature_match', model_id, other_recipe_id, other_feature_id from feature_match
    union all
    select 'explanation', model_id, recipe_id, feature_id from explanation
    union all
    select 'specificity', model_id, recipe_id, feature_id from specificity
)

select
    model_id,
    recipe_id,
    table_name || ' has feature_id ' || feature_id || ', sae says n_features ' || n_features as what
from mentioned
join sae using (model_id, recipe_id)
where feature_id >= n_features;
