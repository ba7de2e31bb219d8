-- Whether a word has a feature that fires where it ends and nowhere else.
create table concept_coverage (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    word varchar not null,
    kind varchar not null,
    rate double not null,
    n_choosing bigint not null,
    n_reporting bigint not null,
    feature_id integer not null,
    f1 double not null,
    precision double not null,
    recall double not null,
    is_covered boolean not null,
    check (feature_id >= 0),
    check (rate between 0 and 1),
    check (f1 between 0 and 1),
    check (precision between 0 and 1),
    check (recall between 0 and 1)
);

comment on table concept_coverage is 'One row per (model_id, experiment_id, recipe_id, word): a word that occurs often enough in both halves of the texts. Refers to experiment (model_id, experiment_id). Refers to feature (model_id, recipe_id, feature_id)';
comment on column concept_coverage.model_id is 'Card of the model [id]';
comment on column concept_coverage.experiment_id is 'Card of the experiment [id]';
comment on column concept_coverage.recipe_id is 'Recipe of the dictionary [id]';
comment on column concept_coverage.word is 'The word [text]';
comment on column concept_coverage.kind is 'keyword or module of Python, or word of the card [name]';
comment on column concept_coverage.rate is 'Share of the tokens that end it, in both halves [fraction]';
comment on column concept_coverage.n_choosing is 'Times it occurs in the half that chooses the feature [occurrences]';
comment on column concept_coverage.n_reporting is 'In the other [occurrences]';
comment on column concept_coverage.feature_id is 'Feature with the best F1 on the choosing half [index]';
comment on column concept_coverage.f1 is 'Of its firings, on the reporting half [fraction]';
comment on column concept_coverage.precision is 'Of its firings there, those that end the word [fraction]';
comment on column concept_coverage.recall is 'Of the word''s ends there, those on which it fires [fraction]';
comment on column concept_coverage.is_covered is 'F1 of a half at least [boolean]';
