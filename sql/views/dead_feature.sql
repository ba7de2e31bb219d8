-- Features that never fired on the tokens looked at.
-- Grain: one row per (model_id, recipe_id, feature_id).
create view dead_feature as
select
    model_id,
    recipe_id,
    model_id || '/' || recipe_id as sae_id,
    feature_id,
    n_tokens,
    decoder_norm,
    encoder_decoder_cosine
from feature
where is_dead;

comment on column dead_feature.sae_id is 'model_id/recipe_id [id]';
