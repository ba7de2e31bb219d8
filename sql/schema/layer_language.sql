-- How much of what fires two languages share, dictionary by dictionary.
create table layer_language (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    layer integer not null,
    language varchar not null,
    other_language varchar not null,
    overlap double not null,
    unpaired_overlap double not null,
    lift double not null,
    n_sentences bigint not null,
    check (layer >= -1),
    check (overlap between 0 and 1),
    check (unpaired_overlap between 0 and 1),
    check (n_sentences >= 0)
);

comment on table layer_language is 'One row per (model_id, experiment_id, recipe_id, language, other_language): what fires in the same sentences of two languages. Refers to experiment (model_id, experiment_id)';
comment on column layer_language.model_id is 'Card of the model [id]';
comment on column layer_language.experiment_id is 'Card of the experiment [id]';
comment on column layer_language.recipe_id is 'Recipe of the dictionary [id]';
comment on column layer_language.layer is 'Block of its site [index]';
comment on column layer_language.language is 'One language [text]';
comment on column layer_language.other_language is 'The other, later in the alphabet [text]';
comment on column layer_language.overlap is 'Features that fire in both sentences of those that fire in either, mean over sentences [fraction]';
comment on column layer_language.unpaired_overlap is 'The same where the sentences say different things: chance, and what the languages share whatever is said [fraction]';
comment on column layer_language.lift is 'overlap - unpaired_overlap [fraction]';
comment on column layer_language.n_sentences is 'Sentences, each in both languages [sentences]';
