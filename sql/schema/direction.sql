-- Directions of the stream that separate two kinds of prompts.
create table direction (
    model_id varchar not null,
    experiment_id varchar not null,
    direction_id integer not null,
    kind varchar not null,
    site varchar not null,
    layer integer not null,
    position_rule varchar not null,
    n_positive bigint not null,
    n_negative bigint not null,
    norm double not null,
    shuffled_norm double not null,
    stream_norm double not null,
    vector float[] not null,
    check (direction_id >= 0),
    check (layer >= 0),
    check (norm >= 0),
    check (shuffled_norm >= 0),
    check (stream_norm >= 0)
);

comment on table direction is 'One row per (model_id, experiment_id, direction_id): a steering vector. Its cosine to another is list_cosine_similarity(vector, vector). Refers to experiment (model_id, experiment_id)';
comment on column direction.model_id is 'Card of the model [id]';
comment on column direction.experiment_id is 'Card of the experiment [id]';
comment on column direction.direction_id is 'Number of the direction within its experiment [index]';
comment on column direction.kind is 'How it was made: caa, pca_difference, mean_difference, refusal [text]';
comment on column direction.site is 'Where it was read, and is added [text]';
comment on column direction.layer is 'Block of the site [index]';
comment on column direction.position_rule is 'Which tokens it was made from: the last of each prompt, the mean over its text, or of a refusal direction one counted from the prompt''s end [text]';
comment on column direction.n_positive is 'Prompts with the property that it was made from; of pairs, the pairs [prompts]';
comment on column direction.n_negative is 'Prompts without it [prompts]';
comment on column direction.norm is 'Length [activation]';
comment on column direction.shuffled_norm is 'Length of what the same method makes of shuffled labels [activation]';
comment on column direction.stream_norm is 'Mean length of the stream that it was made from [activation]';
comment on column direction.vector is 'From without the property to with it [activation]';
