-- How much of a later node's effect on the answer comes through an earlier one.
create table circuit_edge (
    model_id varchar not null,
    experiment_id varchar not null,
    from_recipe_id varchar not null,
    from_kind varchar not null,
    from_feature_id integer,
    to_recipe_id varchar not null,
    to_kind varchar not null,
    to_feature_id integer,
    effect double not null,
    n_prompts bigint not null,
    check (from_kind in ('feature', 'error')),
    check (to_kind in ('feature', 'error'))
);

comment on table circuit_edge is 'One row per (model_id, experiment_id, from_recipe_id, from_kind, from_feature_id, to_recipe_id, to_kind, to_feature_id): an edge between two nodes of a feature circuit. Refers to experiment (model_id, experiment_id)';
comment on column circuit_edge.model_id is 'Card of the model [id]';
comment on column circuit_edge.experiment_id is 'Card of the experiment [id]';
comment on column circuit_edge.from_recipe_id is 'Recipe of the earlier dictionary [id]';
comment on column circuit_edge.from_kind is 'feature or error [text]';
comment on column circuit_edge.from_feature_id is 'Latent of the earlier dictionary; null of an error [index]';
comment on column circuit_edge.to_recipe_id is 'Recipe of the later dictionary [id]';
comment on column circuit_edge.to_kind is 'feature or error [text]';
comment on column circuit_edge.to_feature_id is 'Latent of the later dictionary; null of an error [index]';
comment on column circuit_edge.effect is 'Part of the effect of the later node that the change of the earlier one brings, followed linearly; mean of the pairs [logit]';
comment on column circuit_edge.n_prompts is 'Pairs [prompts]';
