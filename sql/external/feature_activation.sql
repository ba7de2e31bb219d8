-- The sparse codes themselves: which feature fires where, and how strongly. Read from the store, where recipes keep them (keep_feature_activations).
-- One row per (model_id, recipe_id, context_id, position, feature_id): a feature that fires on a token.
create view feature_activation as
select
    model_id,
    recipe_id,
    context_id::bigint as context_id,
    position::integer as position,
    feature_id::integer as feature_id,
    activation::float as activation
from read_parquet($codes, hive_partitioning = true, hive_types = {'model_id': varchar, 'recipe_id': varchar});
