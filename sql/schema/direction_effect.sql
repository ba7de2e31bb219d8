-- What adding directions does to the model's choice between two answers.
create table direction_effect (
    model_id varchar not null,
    experiment_id varchar not null,
    direction_id integer not null,
    intervention varchar not null,
    alpha double not null,
    asked_of varchar not null,
    metric varchar not null,
    value double not null,
    ci_low double,
    ci_high double,
    n bigint not null,
    n_groups bigint not null,
    mass double not null,
    unsteered double not null,
    shuffled double not null,
    random double not null,
    check (value between 0 and 1),
    check (n >= 0),
    check (unsteered between 0 and 1),
    check (shuffled between 0 and 1),
    check (random between 0 and 1)
);

comment on table direction_effect is 'One row per (model_id, experiment_id, direction_id, intervention, asked_of, metric, alpha): one change of the stream and the choice that followed. Refers to direction (model_id, experiment_id, direction_id)';
comment on column direction_effect.model_id is 'Card of the model [id]';
comment on column direction_effect.experiment_id is 'Card of the experiment [id]';
comment on column direction_effect.direction_id is 'Direction [index]';
comment on column direction_effect.intervention is 'What was done: add [text]';
comment on column direction_effect.alpha is 'Multiple of the direction that was added [norms]';
comment on column direction_effect.asked_of is 'Prompts that were asked: those of groups held out [text]';
comment on column direction_effect.metric is 'p_matching: share of the matching answer in the probability of both, mean over prompts [text]';
comment on column direction_effect.value is 'With the direction [fraction]';
comment on column direction_effect.ci_low is 'Lower end of the 95 % interval, bootstrap over groups; null with one group [fraction]';
comment on column direction_effect.ci_high is 'Upper end [fraction]';
comment on column direction_effect.n is 'Prompts that were asked [prompts]';
comment on column direction_effect.n_groups is 'Their groups [groups]';
comment on column direction_effect.mass is 'Mean probability of both answers together [fraction]';
comment on column direction_effect.unsteered is 'The metric with nothing done [fraction]';
comment on column direction_effect.shuffled is 'The metric with the direction that shuffled labels give, at its own length [fraction]';
comment on column direction_effect.random is 'The metric with a random direction of equal length [fraction]';
