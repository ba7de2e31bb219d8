-- Prompts of an experiment as the model was given them.
create table prompt (
    model_id varchar not null,
    experiment_id varchar not null,
    prompt_id integer not null,
    text varchar not null,
    tokens varchar[] not null,
    corrupt_text varchar,
    corrupt_tokens varchar[],
    answer varchar,
    answer_token_id bigint,
    foil varchar,
    foil_token_id bigint,
    subject varchar,
    "group" varchar,
    label varchar,
    language varchar,
    check (prompt_id >= 0)
);

comment on table prompt is 'One row per (model_id, experiment_id, prompt_id): a row of the prompt set under the model''s tokenizer. Refers to experiment (model_id, experiment_id)';
comment on column prompt.model_id is 'Card of the model [id]';
comment on column prompt.experiment_id is 'Card of the experiment [id]';
comment on column prompt.prompt_id is 'Place in the prompt set, counted from 0 [index]';
comment on column prompt.text is 'The prompt, the clean one of a pair; a conversation as its messages, one a line; of an image its path [text]';
comment on column prompt.tokens is 'Tokens that the model was given, special ones included; none of an image [text]';
comment on column prompt.corrupt_text is 'The corrupt prompt of a pair [text]';
comment on column prompt.corrupt_tokens is 'Its tokens, as many as those of the clean one [text]';
comment on column prompt.answer is 'Text that is asked for behind the prompt [text]';
comment on column prompt.answer_token_id is 'Its one token [index]';
comment on column prompt.foil is 'Text that the answer is compared with [text]';
comment on column prompt.foil_token_id is 'Its one token [index]';
comment on column prompt.subject is 'Part of the prompt that it is about [text]';
comment on column prompt."group" is 'Rows of one group are alike and stay on one side of every split [text]';
comment on column prompt.label is 'Class of the row [text]';
comment on column prompt.language is 'Language of the row [text]';
