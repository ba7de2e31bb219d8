-- Whether a feature follows what a sentence says or the language it is said in.
create table feature_language (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    layer integer not null,
    least_correlation double,
    mean_correlation double,
    unpaired_correlation double,
    language_information double not null,
    languages varchar[] not null,
    firing_shares double[] not null,
    n_languages integer not null,
    strongest_language varchar not null,
    n_sentences bigint not null,
    check (feature_id >= 0),
    check (layer >= -1),
    check (least_correlation between -1.000001 and 1.000001),
    check (language_information >= 0),
    check (n_languages > 0),
    check (n_sentences >= 0)
);

comment on table feature_language is 'One row per (model_id, experiment_id, recipe_id, feature_id): a feature that fires in some language. Refers to experiment (model_id, experiment_id). Refers to feature (model_id, recipe_id, feature_id)';
comment on column feature_language.model_id is 'Card of the model [id]';
comment on column feature_language.experiment_id is 'Card of the experiment [id]';
comment on column feature_language.recipe_id is 'Recipe of its dictionary [id]';
comment on column feature_language.feature_id is 'Latent of it, counted from 0 [index]';
comment on column feature_language.layer is 'Block of the dictionary''s site [index]';
comment on column feature_language.least_correlation is 'Of its pooled activation over sentences, the lowest over pairs of languages; null where it does not vary in each [correlation]';
comment on column feature_language.mean_correlation is 'The mean over the pairs in which it varies [correlation]';
comment on column feature_language.unpaired_correlation is 'The same where the other language''s sentences say something else: chance [correlation]';
comment on column feature_language.language_information is 'Mutual information of whether it fires and the language; 0 says nothing of the language [nats]';
comment on column feature_language.languages is 'Languages, in the order of firing_shares [text]';
comment on column feature_language.firing_shares is 'Share of each language''s sentences in which it fires [fraction]';
comment on column feature_language.n_languages is 'Languages in which it fires at all [languages]';
comment on column feature_language.strongest_language is 'That of the largest share, ties to the first [text]';
comment on column feature_language.n_sentences is 'Sentences, each in every language [sentences]';
