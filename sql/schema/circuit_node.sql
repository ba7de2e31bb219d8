-- Features, and what dictionaries leave out, whose change from clean to corrupt prompts changes the answer most.
create table circuit_node (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    kind varchar not null,
    feature_id integer,
    rank integer not null,
    effect double not null,
    effect_ci_low double,
    effect_ci_high double,
    exact_effect double,
    n_prompts bigint not null,
    check (kind in ('feature', 'error')),
    check (feature_id is not null or kind = 'error'),
    check (rank >= 0)
);

comment on table circuit_node is 'One row per (model_id, experiment_id, rank): a node of a feature circuit, the largest effect first. Refers to experiment (model_id, experiment_id)';
comment on column circuit_node.model_id is 'Card of the model [id]';
comment on column circuit_node.experiment_id is 'Card of the experiment [id]';
comment on column circuit_node.recipe_id is 'Recipe of the dictionary [id]';
comment on column circuit_node.kind is 'feature, or error: what the dictionary leaves out of the activation [text]';
comment on column circuit_node.feature_id is 'Latent of the dictionary, counted from 0; null of an error [index]';
comment on column circuit_node.rank is 'Place by the size of the effect [index]';
comment on column circuit_node.effect is 'Approximate change of the logit difference of answer and foil when the node has its corrupt value at every position, mean of the pairs [logit]';
comment on column circuit_node.effect_ci_low is 'Lower end of the 95 % interval by bootstrap over groups of pairs; null of fewer than two [logit]';
comment on column circuit_node.effect_ci_high is 'Upper end of the same [logit]';
comment on column circuit_node.exact_effect is 'The same by a pass in which this node alone is changed; null where it was not measured [logit]';
comment on column circuit_node.n_prompts is 'Pairs [prompts]';
