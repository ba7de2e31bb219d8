-- Metrics of edits over the facts of an experiment.
create table edit_metric (
    model_id varchar not null,
    experiment_id varchar not null,
    condition varchar not null,
    metric varchar not null,
    value double not null,
    ci_low double,
    ci_high double,
    unit varchar not null,
    n_facts integer not null,
    n_prompts integer not null,
    check (n_facts > 0),
    check (n_prompts > 0),
    check (ci_low <= ci_high)
);

comment on table edit_metric is 'One row per (model_id, experiment_id, condition, metric): mean over facts that were edited each alone, or all together. Refers to experiment (model_id, experiment_id)';
comment on column edit_metric.model_id is 'Card of the model [id]';
comment on column edit_metric.experiment_id is 'Card of the experiment [id]';
comment on column edit_metric.condition is 'unedited, or as in edit [name]';
comment on column edit_metric.metric is 'efficacy, paraphrase and neighborhood, each as _score (share of prompts on which the wanted answer leads) and _magnitude (by how much); harmonic_score: the harmonic mean of the three shares; ngram_entropy; corpus_loss [name]';
comment on column edit_metric.value is 'The metric [unit]';
comment on column edit_metric.ci_low is 'Lower end of the 95 % interval: of a share Wilson''s, prompts of a fact being alike, else by bootstrap over facts; null with one fact [unit]';
comment on column edit_metric.ci_high is 'Its upper end [unit]';
comment on column edit_metric.unit is 'Unit of the three numbers before [name]';
comment on column edit_metric.n_facts is 'Facts [facts]';
comment on column edit_metric.n_prompts is 'Prompts, or texts that were written [prompts]';
