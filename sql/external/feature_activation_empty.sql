-- The sparse codes themselves: which feature fires where, and how strongly. Empty, because no recipe kept them (keep_feature_activations).
-- One row per (model_id, recipe_id, context_id, position, feature_id): a feature that fires on a token.
create view feature_activation as
select
    null::varchar as model_id,
    null::varchar as recipe_id,
    null::bigint as context_id,
    null::integer as position,
    null::integer as feature_id,
    null::float as activation
where false;
