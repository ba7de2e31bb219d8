-- What a model writes with and without an edit, and what ordinary text costs it.
create table edit_fluency (
    model_id varchar not null,
    experiment_id varchar not null,
    fact varchar not null,
    condition varchar not null,
    prompt_id integer not null,
    completion varchar,
    n_tokens integer not null,
    ngram_entropy double,
    corpus_loss double,
    check (n_tokens >= 0),
    check (corpus_loss >= 0)
);

comment on table edit_fluency is 'One row per (model_id, experiment_id, fact, condition): the text behind the rewritten prompt, and the loss on text of the corpus. Refers to prompt (model_id, experiment_id, prompt_id)';
comment on column edit_fluency.model_id is 'Card of the model [id]';
comment on column edit_fluency.experiment_id is 'Card of the experiment [id]';
comment on column edit_fluency.fact is 'Group of the fact in the prompt set [id]';
comment on column edit_fluency.condition is 'unedited, or as in edit [name]';
comment on column edit_fluency.prompt_id is 'The prompt that is rewritten [index]';
comment on column edit_fluency.completion is 'What is written behind it; null where the card asks for none [text]';
comment on column edit_fluency.n_tokens is 'Tokens of the completion [tokens]';
comment on column edit_fluency.ngram_entropy is 'How varied it is: half of 2/3 of the entropy of bigrams plus 4/3 of that of trigrams [bits]';
comment on column edit_fluency.corpus_loss is 'Mean cross-entropy on texts of the corpus; null where the card asks for none [nats/token]';
