-- Whatever is said of a feature is said of one that has a row of `feature`.
with mentioned as (
    select distinct 'example' as table_name, model_id, recipe_id, feature_id from example
    union all
    select distinct 'activation_histogram', model_id, recipe_id, feature_id from activation_histogram
    union all
    select distinct 'logit_shape', model_id, recipe_id, feature_id from logit_shape
    union all
    select distinct 'logit_effect', model_id, recipe_id, feature_id from logit_effect
    union all
    select distinct 'neighbor', model_id, recipe_id, feature_id from neighbor
    union all
    select distinct 'feature_match', model_id, recipe_id, feature_id from feature_match
    union all
    select distinct 'explanation', model_id, recipe_id, feature_id from explanation
)

select
    model_id,
    recipe_id,
    table_name || ' has feature_id ' || feature_id || ', feature lacks it' as what
from mentioned
anti join feature using (model_id, recipe_id, feature_id);
