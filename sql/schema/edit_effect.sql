-- What a model says of the prompts of a fact with and without an edit.
create table edit_effect (
    model_id varchar not null,
    experiment_id varchar not null,
    fact varchar not null,
    condition varchar not null,
    prompt_id integer not null,
    split varchar not null,
    true_probability double not null,
    new_probability double not null,
    magnitude double not null,
    is_success boolean not null,
    likeliest_token varchar not null,
    check (split in ('rewrite', 'paraphrase', 'neighborhood')),
    check (true_probability between 0 and 1),
    check (new_probability between 0 and 1)
);

comment on table edit_effect is 'One row per (model_id, experiment_id, fact, condition, prompt_id): the token behind one prompt under one state of the weights. Refers to prompt (model_id, experiment_id, prompt_id)';
comment on column edit_effect.model_id is 'Card of the model [id]';
comment on column edit_effect.experiment_id is 'Card of the experiment [id]';
comment on column edit_effect.fact is 'Group of the fact in the prompt set [id]';
comment on column edit_effect.condition is 'unedited, or as in edit [name]';
comment on column edit_effect.prompt_id is 'Prompt [index]';
comment on column edit_effect.split is 'rewrite: the prompt of the edit; paraphrase: the same in other words; neighborhood: another subject, which should stay as it is [name]';
comment on column edit_effect.true_probability is 'Of the prompt''s own answer [fraction]';
comment on column edit_effect.new_probability is 'Of the fact''s new answer [fraction]';
comment on column edit_effect.magnitude is 'By how much the answer that is wanted leads: new - true, of neighborhood true - new [probability]';
comment on column edit_effect.is_success is 'Whether it leads [boolean]';
comment on column edit_effect.likeliest_token is 'The token that the model finds likeliest [text]';
