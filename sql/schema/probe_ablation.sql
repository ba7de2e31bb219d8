-- What probes still tell while features that a person flagged are off.
create table probe_ablation (
    model_id varchar not null,
    experiment_id varchar not null,
    probe_id integer not null,
    condition varchar not null,
    is_refitted boolean not null,
    label varchar,
    accuracy double not null,
    ci_low double,
    ci_high double,
    unablated_accuracy double not null,
    n bigint not null,
    feature_ids integer[] not null,
    check (condition in ('flagged_features', 'random_features')),
    check (accuracy between 0 and 1),
    check (unablated_accuracy between 0 and 1),
    check (n >= 0)
);

comment on table probe_ablation is 'One row per (model_id, experiment_id, probe_id, condition, is_refitted, label): accuracy of a probe on the test rows with features off. Refers to probe (model_id, experiment_id, probe_id)';
comment on column probe_ablation.model_id is 'Card of the model [id]';
comment on column probe_ablation.experiment_id is 'Card of the experiment [id]';
comment on column probe_ablation.probe_id is 'Probe [index]';
comment on column probe_ablation.condition is 'flagged_features: those that the card names; random_features: as many live ones of like density [name]';
comment on column probe_ablation.is_refitted is 'Whether the probe was fitted anew to the training rows with the features off; else the probe as it was [boolean]';
comment on column probe_ablation.label is 'Test rows of this label; null for all [text]';
comment on column probe_ablation.accuracy is 'With the features off: in the model, or of a probe of codes in what it reads [fraction]';
comment on column probe_ablation.ci_low is 'Lower end of its 95 % interval, bootstrap over groups; null with one group [fraction]';
comment on column probe_ablation.ci_high is 'Upper end [fraction]';
comment on column probe_ablation.unablated_accuracy is 'Of the probe with nothing off, on the same rows [fraction]';
comment on column probe_ablation.n is 'Test rows [rows]';
comment on column probe_ablation.feature_ids is 'Features that are off [index]';
