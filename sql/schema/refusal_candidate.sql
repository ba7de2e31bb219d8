-- Differences of means from which a refusal direction is chosen.
create table refusal_candidate (
    model_id varchar not null,
    experiment_id varchar not null,
    layer integer not null,
    position integer not null,
    norm double not null,
    refusal_score double not null,
    steering_score double not null,
    kl double not null,
    is_possible boolean not null,
    is_chosen boolean not null,
    check (layer >= 0),
    check (norm >= 0),
    check (kl >= 0)
);

comment on table refusal_candidate is 'One row per (model_id, experiment_id, layer, position): a direction, and what the model says without it and with it, on the prompts that choose. Refers to experiment (model_id, experiment_id)';
comment on column refusal_candidate.model_id is 'Card of the model [id]';
comment on column refusal_candidate.experiment_id is 'Card of the experiment [id]';
comment on column refusal_candidate.layer is 'Block behind which it was read, and is added [index]';
comment on column refusal_candidate.position is 'Token at which it was read, counted from the prompt''s end: -1 is the last [index]';
comment on column refusal_candidate.norm is 'Length [activation]';
comment on column refusal_candidate.refusal_score is 'log p - log(1 - p) of a refusal''s first token behind refused instructions, with the direction taken out everywhere, mean [nats]';
comment on column refusal_candidate.steering_score is 'The same behind the other instructions, with the direction added [nats]';
comment on column refusal_candidate.kl is 'KL divergence of the plain prediction behind the other instructions from that without the direction, mean [nats]';
comment on column refusal_candidate.is_possible is 'Whether it may be chosen: below the share of the depth, steering_score above 0, kl below the limit [flag]';
comment on column refusal_candidate.is_chosen is 'Whether it is, having the lowest refusal_score of these [flag]';
