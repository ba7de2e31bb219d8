-- What is left of the answer when only some nodes keep their clean value.
create table circuit_faithfulness (
    model_id varchar not null,
    experiment_id varchar not null,
    subset varchar not null,
    n_nodes integer not null,
    metric double not null,
    metric_without double not null,
    metric_of_model double not null,
    faithfulness double,
    faithfulness_ci_low double,
    faithfulness_ci_high double,
    n_prompts bigint not null,
    check (subset in ('circuit', 'complement', 'random', 'none')),
    check (n_nodes >= 0)
);

comment on table circuit_faithfulness is 'One row per (model_id, experiment_id, subset, n_nodes): the strongest nodes, all but these, nodes drawn by chance, or none. Refers to experiment (model_id, experiment_id)';
comment on column circuit_faithfulness.model_id is 'Card of the model [id]';
comment on column circuit_faithfulness.experiment_id is 'Card of the experiment [id]';
comment on column circuit_faithfulness.subset is 'circuit (the strongest nodes), complement (all others), random (drawn among those that change, mean of several draws), or none [text]';
comment on column circuit_faithfulness.n_nodes is 'Nodes of the circuit [nodes]';
comment on column circuit_faithfulness.metric is 'Logit difference of answer and foil, mean of the clean prompts, when what is outside of the subset has its corrupt value [logit]';
comment on column circuit_faithfulness.metric_without is 'The same when no node keeps its value [logit]';
comment on column circuit_faithfulness.metric_of_model is 'The same of the model itself [logit]';
comment on column circuit_faithfulness.faithfulness is '(metric - metric_without) / (metric_of_model - metric_without); of the complement it is the completeness that the circuit lacks; null where the model does not tell the prompts apart [fraction]';
comment on column circuit_faithfulness.faithfulness_ci_low is 'Lower end of the 95 % interval by bootstrap over groups of pairs [fraction]';
comment on column circuit_faithfulness.faithfulness_ci_high is 'Upper end of the same [fraction]';
comment on column circuit_faithfulness.n_prompts is 'Pairs [prompts]';
