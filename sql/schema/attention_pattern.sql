-- Where attention heads look in the prompts of an experiment.
create table attention_pattern (
    model_id varchar not null,
    experiment_id varchar not null,
    prompt_id integer not null,
    layer integer not null,
    head integer not null,
    query_position integer not null,
    key_position integer not null,
    weight double not null,
    check (layer >= 0),
    check (head >= 0),
    check (key_position between 0 and query_position),
    check (weight between 0 and 1.000001)
);

comment on table attention_pattern is 'One row per (model_id, experiment_id, prompt_id, layer, head, query_position, key_position): one attention weight that reaches the threshold of the card. Refers to prompt (model_id, experiment_id, prompt_id)';
comment on column attention_pattern.model_id is 'Card of the model [id]';
comment on column attention_pattern.experiment_id is 'Card of the experiment [id]';
comment on column attention_pattern.prompt_id is 'Prompt [index]';
comment on column attention_pattern.layer is 'Block [index]';
comment on column attention_pattern.head is 'Head of the block [index]';
comment on column attention_pattern.query_position is 'Position that looks, counted from the first token given [position]';
comment on column attention_pattern.key_position is 'Position that is looked at [position]';
comment on column attention_pattern.weight is 'Share of what the head takes that comes from there [fraction]';
