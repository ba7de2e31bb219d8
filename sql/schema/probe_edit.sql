-- What the model predicts once the stream is moved from one label to another.
create table probe_edit (
    model_id varchar not null,
    experiment_id varchar not null,
    probe_id integer not null,
    from_label varchar not null,
    to_label varchar not null,
    token varchar not null,
    token_id bigint not null,
    along varchar not null,
    strength double not null,
    norm double not null,
    n bigint not null,
    probability_before double not null,
    probability_after double not null,
    ci_low double,
    ci_high double,
    probability_random double not null,
    probability_target double not null,
    check (norm >= 0),
    check (n >= 0),
    check (probability_before between 0 and 1.000001),
    check (probability_after between 0 and 1.000001)
);

comment on table probe_edit is 'One row per (model_id, experiment_id, probe_id, from_label, to_label, token, along, strength): an edit along a probe and the answer of the model. Refers to probe (model_id, experiment_id, probe_id)';
comment on column probe_edit.model_id is 'Card of the model [id]';
comment on column probe_edit.experiment_id is 'Card of the experiment [id]';
comment on column probe_edit.probe_id is 'Probe along which it is moved [index]';
comment on column probe_edit.from_label is 'Label of the rows that are moved [text]';
comment on column probe_edit.to_label is 'Label that they are moved to [text]';
comment on column probe_edit.token is 'Token whose probability is watched [text]';
comment on column probe_edit.token_id is 'The same [index]';
comment on column probe_edit.along is 'Direction: probe, or mean_difference between the labels [text]';
comment on column probe_edit.strength is 'How far; 1 carries the mean of the one label to that of the other [differences of means]';
comment on column probe_edit.norm is 'Length of what is added [activation]';
comment on column probe_edit.n is 'Test rows that were moved [rows]';
comment on column probe_edit.probability_before is 'Mean probability of the token, nothing moved [fraction]';
comment on column probe_edit.probability_after is 'The same, moved [fraction]';
comment on column probe_edit.ci_low is 'Lower end of its 95 % interval, bootstrap over groups [fraction]';
comment on column probe_edit.ci_high is 'Upper end [fraction]';
comment on column probe_edit.probability_random is 'The same, moved as far in a random direction [fraction]';
comment on column probe_edit.probability_target is 'Mean probability of the token at test rows that have the other label [fraction]';
