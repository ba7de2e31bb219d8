-- How well each label fits each example, on a scale of 0 to 3.
create table specificity (
    model_id varchar not null,
    recipe_id varchar not null,
    explanation_id varchar not null,
    example_id varchar not null,
    feature_id integer not null,
    interval_index integer,
    activation double not null,
    is_choosing boolean,
    rating integer,
    reason varchar,
    status varchar not null,
    judge varchar not null,
    check (feature_id >= 0),
    check (interval_index >= 0),
    check (isfinite(activation) and activation >= 0),
    check (rating between 0 and 3),
    check ((status = 'ok') = (rating is not null))
);

comment on table specificity is 'One row per (explanation_id, example_id): a rating of an example against a label. Refers to explanation (model_id, recipe_id, explanation_id, feature_id). Refers to example (model_id, recipe_id, example_id, feature_id)';
comment on column specificity.model_id is 'Card of the model [id]';
comment on column specificity.recipe_id is 'Card of the recipe [id]';
comment on column specificity.explanation_id is 'Explanation whose label is judged [id]';
comment on column specificity.example_id is 'Example that it is judged on [id]';
comment on column specificity.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column specificity.interval_index is 'Slice of (0, max activation] that the example was drawn from, from 0; null for a control [index]';
comment on column specificity.activation is 'Activation at the example''s peak; 0 for a control [activation]';
comment on column specificity.is_choosing is 'Whether it helps to choose among the labels of the feature; the others report how good the chosen one is; null where an older store does not say [boolean]';
comment on column specificity.rating is '0 unrelated to 3 the label cleanly says it; null where the judge failed [0 to 3]';
comment on column specificity.reason is 'Why, in the judge''s words; null where it gave none [text]';
comment on column specificity.status is 'ok, or the reason of failure [text]';
comment on column specificity.judge is 'Who rated, such as lexical or anthropic [text]';
