-- What a feature's direction does to the logits, past all later blocks (direct) and through them (jacobian).
-- Grain: one row per (model_id, recipe_id, feature_id, kind, direction, rank); of several lenses the newest experiment's.
create view logit_effect_by_kind as
with newest as (
    select
        model_id,
        recipe_id,
        arg_max(experiment_id, created_at) as experiment_id
    from (select distinct model_id, experiment_id, recipe_id from jacobian_effect)
    inner join experiment using (model_id, experiment_id)
    group by all
)

select
    model_id,
    recipe_id,
    feature_id,
    'direct' as kind,
    direction,
    rank,
    token_id,
    token,
    logit_weight
from logit_effect
union all
select
    j.model_id,
    j.recipe_id,
    j.feature_id,
    'jacobian' as kind,
    j.direction,
    j.rank,
    j.token_id,
    j.token,
    j.logit_weight
from jacobian_effect as j
inner join newest as n using (model_id, recipe_id, experiment_id);

comment on column logit_effect_by_kind.kind is 'direct: the direction itself, read by the unembedding; jacobian: carried there first by a Jacobian lens, what it disposes the model to say now and later [text]';
