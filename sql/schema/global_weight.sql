-- Which features of earlier blocks a feature reads along the residual stream, on whatever prompt.
create table global_weight (
    model_id varchar not null,
    experiment_id varchar not null,
    source_recipe_id varchar not null,
    source_feature_id integer not null,
    target_recipe_id varchar not null,
    target_feature_id integer not null,
    virtual_weight double not null,
    expected_weight double not null,
    share double not null,
    n_together bigint not null,
    source_place integer,
    target_place integer,
    check (n_together > 0),
    check (source_place >= 0),
    check (target_place >= 0),
    check (source_place is not null or target_place is not null)
);

comment on table global_weight is 'One row per (model_id, experiment_id, source_recipe_id, source_feature_id, target_recipe_id, target_feature_id): a weight between two features that fire together. Refers to experiment (model_id, experiment_id)';
comment on column global_weight.model_id is 'Card of the model [id]';
comment on column global_weight.experiment_id is 'Card of the experiment [id]';
comment on column global_weight.source_recipe_id is 'Recipe of the transcoder whose feature acts [id]';
comment on column global_weight.source_feature_id is 'The feature that acts [index]';
comment on column global_weight.target_recipe_id is 'Recipe of the transcoder of a later block on whose feature it acts [id]';
comment on column global_weight.target_feature_id is 'The feature on which it acts [index]';
comment on column global_weight.virtual_weight is 'What the source adds to the target''s pre-activation for an activation of 1, along the stream at one position, at the mean scale of the norm that the target reads behind [activation per activation]';
comment on column global_weight.expected_weight is 'What it adds, averaged over the prompts'' tokens in proportion to the target''s activation: target-weighted expected residual attribution [activation]';
comment on column global_weight.share is 'Expected weight over the target''s own activation averaged alike; with what inhibits the target, shares can exceed 1 [fraction]';
comment on column global_weight.n_together is 'Tokens of the prompts on which both fire [tokens]';
comment on column global_weight.source_place is 'Place of the source among those of its target, the largest expected weight first; null beyond those that are kept [index]';
comment on column global_weight.target_place is 'Place of the target among those of its source, likewise [index]';
