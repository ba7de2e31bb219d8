-- What language models were asked, and what it cost.
create table llm_request (
    model_id varchar not null,
    recipe_id varchar not null,
    request_key varchar not null,
    purpose varchar not null,
    llm varchar not null,
    batch_id varchar,
    status varchar not null,
    attempts bigint not null,
    tokens bigint,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    cost_usd double,
    sent_at timestamp,
    answered_at timestamp,
    check (status <> ''),
    check (attempts >= 0),
    check (tokens >= 0),
    check (input_tokens >= 0),
    check (output_tokens >= 0),
    check (cache_read_tokens >= 0),
    check (cache_write_tokens >= 0),
    check (tokens = input_tokens + output_tokens + cache_read_tokens + cache_write_tokens),
    check (isfinite(cost_usd) and cost_usd >= 0)
);

comment on table llm_request is 'One row per (model_id, recipe_id, request_key): a request to a language model, keyed by its content';
comment on column llm_request.model_id is 'Card of the model [id]';
comment on column llm_request.recipe_id is 'Card of the recipe [id]';
comment on column llm_request.request_key is 'Hash of what was asked [sha256]';
comment on column llm_request.purpose is 'Why it was asked, such as explain or judge [text]';
comment on column llm_request.llm is 'Language model asked [text]';
comment on column llm_request.batch_id is 'Batch at the provider; null where it was asked live [id]';
comment on column llm_request.status is 'ok, or the reason of failure [text]';
comment on column llm_request.attempts is 'Times that it was sent [requests]';
comment on column llm_request.tokens is 'Tokens sent and answered, the sum of the four below; null where no answer came [tokens]';
comment on column llm_request.input_tokens is 'Tokens sent that no cache held and none keeps; null where no answer came [tokens]';
comment on column llm_request.output_tokens is 'Tokens answered; null where no answer came [tokens]';
comment on column llm_request.cache_read_tokens is 'Tokens sent that the provider''s cache held; null where no answer came [tokens]';
comment on column llm_request.cache_write_tokens is 'Tokens sent that the provider''s cache keeps; null where no answer came [tokens]';
comment on column llm_request.cost_usd is 'Price; null where no answer came [USD]';
comment on column llm_request.sent_at is 'When it was first sent; null where it never was [UTC]';
comment on column llm_request.answered_at is 'When the answer came; null where none did [UTC]';
