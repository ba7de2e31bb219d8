-- Training curves.
create table sae_training (
    model_id varchar not null,
    recipe_id varchar not null,
    step bigint not null,
    tokens bigint not null,
    loss double not null,
    fvu double not null,
    l0 double not null,
    aux_loss double,
    dead_fraction double not null,
    learning_rate double not null,
    tokens_per_second double,
    check (step >= 0),
    check (tokens >= 0),
    check (isfinite(loss)),
    check (isfinite(fvu) and fvu >= 0),
    check (l0 >= 0),
    check (isfinite(aux_loss)),
    check (dead_fraction between 0 and 1),
    check (learning_rate >= 0),
    check (tokens_per_second >= 0)
);

comment on table sae_training is 'One row per (model_id, recipe_id, step): a logged step of a training. Refers to sae (model_id, recipe_id)';
comment on column sae_training.model_id is 'Card of the model [id]';
comment on column sae_training.recipe_id is 'Card of the recipe [id]';
comment on column sae_training.step is 'Optimiser steps taken [steps]';
comment on column sae_training.tokens is 'Training tokens seen so far, epochs counted [tokens]';
comment on column sae_training.loss is 'What the optimiser minimised, over scaled activations [scaled activation²]';
comment on column sae_training.fvu is 'Variance of the batch left unexplained [fraction]';
comment on column sae_training.l0 is 'Features firing per token [features]';
comment on column sae_training.aux_loss is 'Auxiliary loss that revives dead features; null where there is none [scaled activation²]';
comment on column sae_training.dead_fraction is 'Features that count as dead: see dead_after_tokens of the recipe [fraction]';
comment on column sae_training.learning_rate is 'Rate of the optimiser [1]';
comment on column sae_training.tokens_per_second is 'Speed since the step logged before; null at the first [tokens/s]';
