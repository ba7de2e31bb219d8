-- Changes of the weights that were made for facts, each taken out again: what rebuilds W + dv uᵀ.
create table edit (
    model_id varchar not null,
    experiment_id varchar not null,
    fact varchar not null,
    condition varchar not null,
    prompt_id integer not null,
    subject varchar not null,
    answer varchar not null,
    new_answer varchar not null,
    layer integer not null,
    module varchar not null,
    position integer not null,
    traced_effect double,
    n_contexts integer not null,
    key_norm double not null,
    value_norm double not null,
    change_norm double not null,
    update_norm double not null,
    steps integer not null,
    negative_log_likelihood double not null,
    kl double not null,
    u float[] not null,
    dv float[] not null,
    is_restored boolean not null,
    check (condition in ('edited', 'other_layer', 'random_direction')),
    check (layer >= 0),
    check (steps >= 0)
);

comment on table edit is 'One row per (model_id, experiment_id, fact, condition, layer): an edit of rank one of a down-projection; the weight with those of one state is W + the sum of dv uᵀ. Refers to prompt (model_id, experiment_id, prompt_id)';
comment on column edit.model_id is 'Card of the model [id]';
comment on column edit.experiment_id is 'Card of the experiment [id]';
comment on column edit.fact is 'Group of the fact in the prompt set [id]';
comment on column edit.condition is 'edited; other_layer: the same method in the block that tracing found weakest; random_direction: a random change of the same length for the same key [name]';
comment on column edit.prompt_id is 'The prompt that is rewritten [index]';
comment on column edit.subject is 'The part of the prompt that the fact is about [text]';
comment on column edit.answer is 'What is true, or was said before [text]';
comment on column edit.new_answer is 'What the model should say [text]';
comment on column edit.layer is 'Block whose MLP is edited [index]';
comment on column edit.module is 'Its down-projection, as the checkpoint names it [text]';
comment on column edit.position is 'Position of the prompt whose key is rewritten [position]';
comment on column edit.traced_effect is 'What a clean output of the MLPs around this block does to the answer''s probability where the subject is noised; null where nothing was traced [probability]';
comment on column edit.n_contexts is 'Texts that key and value are averaged over [texts]';
comment on column edit.key_norm is 'Length of the averaged key k* [activation]';
comment on column edit.value_norm is 'Length of the value v0 of the prompt alone, before the edit [activation]';
comment on column edit.change_norm is 'Length of v* - v0 [activation]';
comment on column edit.update_norm is 'Frobenius norm of the change of the weights [weight]';
comment on column edit.steps is 'Steps of the search for v* [steps]';
comment on column edit.negative_log_likelihood is 'Of the new answer under v*, mean over the contexts [nats]';
comment on column edit.kl is 'KL divergence, under v*, of what follows `<subject> is a` from what followed it [nats]';
comment on column edit.u is 'Key side of the change: 1 = u · k* [1/activation]';
comment on column edit.dv is 'Value side of the change: what is added to the output for the key k* [activation]';
comment on column edit.is_restored is 'Whether the weight was bit for bit as before once the edit was taken out [boolean]';
