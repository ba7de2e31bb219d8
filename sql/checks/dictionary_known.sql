-- Rows about a dictionary belong to a row of `sae`.
with mentioned as (
    select distinct 'feature' as table_name, model_id, recipe_id from feature
    union all
    select distinct 'logit_shape', model_id, recipe_id from logit_shape
    union all
    select distinct 'sae_training', model_id, recipe_id from sae_training
    union all
    select distinct 'sae_metric', model_id, recipe_id from sae_metric
    union all
    select distinct 'activation_histogram', model_id, recipe_id from activation_histogram
    union all
    select distinct 'example', model_id, recipe_id from example
    union all
    select distinct 'logit_effect', model_id, recipe_id from logit_effect
    union all
    select distinct 'neighbor', model_id, recipe_id from neighbor
    union all
    select distinct 'feature_match', model_id, recipe_id from feature_match
    union all
    select distinct 'explanation', model_id, recipe_id from explanation
    union all
    select distinct 'specificity', model_id, recipe_id from specificity
    union all
    select distinct 'explanation_score', model_id, recipe_id from explanation_score
    union all
    select distinct 'label_embedding', model_id, recipe_id from label_embedding
)

select
    model_id,
    recipe_id,
    table_name || ' has rows, sae has none' as what
from mentioned
anti join sae using (model_id, recipe_id);
