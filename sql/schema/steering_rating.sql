-- What a judge says of what steered models write, failures included.
create table steering_rating (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    condition varchar not null,
    strength double not null,
    prompt_id integer not null,
    aspect varchar not null,
    rating integer,
    status varchar not null,
    reason varchar,
    error varchar,
    llm varchar not null,
    request_key varchar not null,
    n_requests integer not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    cost_usd double not null,
    check (aspect in ('concept', 'instruction', 'fluency')),
    check (rating between 0 and 2),
    check (n_requests > 0),
    check (cost_usd >= 0)
);

comment on table steering_rating is 'One row per (model_id, experiment_id, feature_id, condition, strength, prompt_id, aspect): a judge''s rating of one text, or why there is none. Refers to prompt (model_id, experiment_id, prompt_id)';
comment on column steering_rating.model_id is 'Card of the model [id]';
comment on column steering_rating.experiment_id is 'Card of the experiment [id]';
comment on column steering_rating.recipe_id is 'Recipe whose dictionary holds the features [id]';
comment on column steering_rating.feature_id is 'Feature whose concept is meant [index]';
comment on column steering_rating.condition is 'As in steering_completion; plain: the plain model''s own text [name]';
comment on column steering_rating.strength is 'In the unit of the card''s settings; 0 of plain [strength]';
comment on column steering_rating.prompt_id is 'Prompt [index]';
comment on column steering_rating.aspect is 'What is rated: concept, instruction or fluency [name]';
comment on column steering_rating.rating is 'What the judge says; null where it says nothing that can be read [0-2]';
comment on column steering_rating.status is 'ok, or why there is no rating: parse_error, not_answered, refused, max_tokens, failed, over_budget and so on [name]';
comment on column steering_rating.reason is 'Why, in the judge''s words; null where it gave none [text]';
comment on column steering_rating.error is 'What went wrong; null where nothing did [text]';
comment on column steering_rating.llm is 'Who judged [text]';
comment on column steering_rating.request_key is 'Hash of the last question, as in the ledger [sha256]';
comment on column steering_rating.n_requests is 'Questions that it took: 2 where the first answer could not be read [requests]';
comment on column steering_rating.input_tokens is 'Tokens of the last question [tokens]';
comment on column steering_rating.output_tokens is 'Tokens of its answer [tokens]';
comment on column steering_rating.cost_usd is 'What the questions cost; equal texts are paid once, and each row shows it [USD]';
