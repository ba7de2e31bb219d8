-- How much each attention head does what a score is about.
create table head_score (
    model_id varchar not null,
    experiment_id varchar not null,
    layer integer not null,
    head integer not null,
    score varchar not null,
    value double,
    standard_error double,
    baseline double,
    is_above boolean not null,
    n_averaged bigint not null,
    lack varchar,
    check (layer >= 0),
    check (head >= 0),
    check (score in ('induction', 'previous_token', 'duplicate_token', 'ov_copying', 'ov_positivity', 'effective_ov_copying', 'effective_ov_positivity', 'qk_matching')),
    check (value between -1.000001 and 1.000001),
    check (standard_error >= 0),
    check (baseline between 0 and 1.000001),
    check (n_averaged > 0),
    check ((value is null) = (lack is not null))
);

comment on table head_score is 'One row per (model_id, experiment_id, layer, head, score): one score of one attention head, on random sequences or from its weights. Refers to experiment (model_id, experiment_id)';
comment on column head_score.model_id is 'Card of the model [id]';
comment on column head_score.experiment_id is 'Card of the experiment [id]';
comment on column head_score.layer is 'Block [index]';
comment on column head_score.head is 'Head of the block [index]';
comment on column head_score.score is 'induction, previous_token and duplicate_token: attention from the second copy of a piece to the token behind the earlier copy of the token, to the token before, to the earlier copy. ov_copying: share of tokens whose own logit the head raises most. ov_positivity: sum of the eigenvalues of the OV circuit among these tokens over the sum of their sizes. effective_ov_copying, effective_ov_positivity: the same of what a token is behind block 0, embedding and MLP 0 of it, as later heads read it. qk_matching: share of tokens whose query meets its own key best [text]';
comment on column head_score.value is 'The score; null where it cannot be measured [fraction]';
comment on column head_score.standard_error is 'Standard error over sequences, or over tokens where weights are asked; null of ov_positivity [fraction]';
comment on column head_score.baseline is 'The same with the second copy in another order, which a head that looks back by position has too; of previous_token, attention spread evenly; of the others, chance [fraction]';
comment on column head_score.is_above is 'Whether the value exceeds its baseline by the threshold of the card [true or false]';
comment on column head_score.n_averaged is 'Random sequences, or tokens where weights are asked [count]';
comment on column head_score.lack is 'Why there is no value [text]';
