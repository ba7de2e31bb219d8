-- How well linear probes tell labels, beside their baselines.
create table probe_metric (
    model_id varchar not null,
    experiment_id varchar not null,
    probe_id integer not null,
    metric varchar not null,
    value double not null,
    ci_low double,
    ci_high double,
    n bigint not null,
    majority double not null,
    control double not null,
    selectivity double not null,
    random_init double,
    check (value between 0 and 1),
    check (n >= 0),
    check (majority between 0 and 1),
    check (control between 0 and 1),
    check (random_init between 0 and 1)
);

comment on table probe_metric is 'One row per (model_id, experiment_id, probe_id, metric): how well a probe tells rows of groups that it was not trained on. Refers to probe (model_id, experiment_id, probe_id)';
comment on column probe_metric.model_id is 'Card of the model [id]';
comment on column probe_metric.experiment_id is 'Card of the experiment [id]';
comment on column probe_metric.probe_id is 'Probe [index]';
comment on column probe_metric.metric is 'accuracy, or balanced_accuracy: its mean over the classes [text]';
comment on column probe_metric.value is 'On test rows [fraction]';
comment on column probe_metric.ci_low is 'Lower end of the 95 % interval, bootstrap over groups; null with one group [fraction]';
comment on column probe_metric.ci_high is 'Upper end [fraction]';
comment on column probe_metric.n is 'Test rows [rows]';
comment on column probe_metric.majority is 'The same of always saying the most frequent label [fraction]';
comment on column probe_metric.control is 'The same on the control task, of a probe fitted to it: one random label a token type [fraction]';
comment on column probe_metric.selectivity is 'value - control [fraction]';
comment on column probe_metric.random_init is 'The same on the model before training; null where it was not asked for [fraction]';
