-- What was said of each window that a label was put to the test on.
create table judgement (
    model_id varchar not null,
    recipe_id varchar not null,
    explanation_id varchar not null,
    scorer varchar not null,
    example_id varchar not null,
    feature_id integer not null,
    kind varchar not null,
    interval_index integer,
    document_group varchar not null,
    is_choosing boolean not null,
    marked integer[] not null,
    truth boolean,
    answer double,
    strengths float[],
    is_right boolean,
    status varchar not null,
    check (feature_id >= 0),
    check (interval_index >= 0),
    check (isfinite(answer)),
    check ((status = 'ok') = (coalesce(answer, len(strengths)) is not null)),
    check (is_right = (truth = (answer = 1)))
);

comment on table judgement is 'One row per (explanation_id, scorer, example_id): what was said of a window that an explanation was scored on. Refers to explanation (model_id, recipe_id, explanation_id, feature_id). Refers to example (model_id, recipe_id, example_id)';
comment on column judgement.model_id is 'Card of the model [id]';
comment on column judgement.recipe_id is 'Card of the recipe [id]';
comment on column judgement.explanation_id is 'Explanation whose label is judged [id]';
comment on column judgement.scorer is 'Test that the label was put to: a file of models/autointerp/scorers that asks about windows; ratings of specificity are in their own table [text]';
comment on column judgement.example_id is 'Window that was shown [id]';
comment on column judgement.feature_id is 'Latent that the label is of, counted from 0: a hard negative is an example of another [index]';
comment on column judgement.kind is 'interval (an example), control (the feature is silent), hard (an example of a near feature in which this one is silent) or wrong_marks (an example, marked where it is silent) [text]';
comment on column judgement.interval_index is 'Slice of (0, max activation] that the example was drawn from, from 0; null where the feature is silent [index]';
comment on column judgement.document_group is 'Group of near copies that the window''s document is of: a cluster of the intervals of scores [id]';
comment on column judgement.is_choosing is 'Whether it helps to choose among the labels of the feature; the others report how good the chosen one is [boolean]';
comment on column judgement.marked is 'Tokens between marks, counted from the window''s first; none where the test marks none [indices]';
comment on column judgement.truth is 'Whether yes is right; null where the answer is no yes or no [boolean]';
comment on column judgement.answer is '1 for yes, 0 for no, or the number that a model gave, higher where the label fits; null where it failed, or strengths were asked for [number]';
comment on column judgement.strengths is 'What was foretold for each token, 0 to 10; null where something else was asked for [0 to 10]';
comment on column judgement.is_right is 'Whether the answer is the right one; null where there is none, or none is right or wrong [boolean]';
comment on column judgement.status is 'ok, or the reason of failure [text]';
