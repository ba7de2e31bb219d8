-- Columns of feature_activation and their units, whether codes are kept or not.
comment on column feature_activation.model_id is 'Card of the model [id]';
comment on column feature_activation.recipe_id is 'Card of the recipe [id]';
comment on column feature_activation.context_id is 'Context of the corpus [index]';
comment on column feature_activation.position is 'Place in the context, special tokens counted, from 0 [tokens]';
comment on column feature_activation.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column feature_activation.activation is 'How strongly it fires; slots of no activation have no row [activation]';
