-- What is left of the answer if only some edges bring the clean run's values.
create table edge_faithfulness (
    model_id varchar not null,
    experiment_id varchar not null,
    prompt_id integer not null,
    direction varchar not null,
    method varchar not null,
    n_edges bigint not null,
    n_all bigint not null,
    "value" double not null,
    clean_metric double not null,
    corrupt_metric double not null,
    check (method in ('eap', 'eap_ig', 'random')),
    check (n_edges between 0 and n_all)
);

comment on table edge_faithfulness is 'One row per (model_id, experiment_id, prompt_id, direction, method, n_edges): the strongest edges of an estimate, or edges drawn by chance; the clean prompt runs on, all other edges bring the corrupt run''s value. Faithfulness is (value - corrupt_metric) / (clean_metric - corrupt_metric); over prompts, divide sums. Refers to prompt (model_id, experiment_id, prompt_id)';
comment on column edge_faithfulness.model_id is 'Card of the model [id]';
comment on column edge_faithfulness.experiment_id is 'Card of the experiment [id]';
comment on column edge_faithfulness.prompt_id is 'Prompt [index]';
comment on column edge_faithfulness.direction is 'Of the estimate that chose the edges, as in patching_effect [text]';
comment on column edge_faithfulness.method is 'eap or eap_ig, by whose size edges are chosen, or random [text]';
comment on column edge_faithfulness.n_edges is 'Edges that are kept [edges]';
comment on column edge_faithfulness.n_all is 'Edges of the model [edges]';
comment on column edge_faithfulness."value" is 'Metric with these edges alone [unit of the metric]';
comment on column edge_faithfulness.clean_metric is 'Metric of the clean run, where all edges are kept [unit of the metric]';
comment on column edge_faithfulness.corrupt_metric is 'Metric of the corrupt run, where none is [unit of the metric]';
