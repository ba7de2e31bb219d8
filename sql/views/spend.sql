-- What language models were asked and what it cost.
-- Grain: one row per (model_id, recipe_id, llm, purpose, day, status, batched); day is in UTC, null for what was never sent.
create view spend as
select
    model_id,
    recipe_id,
    model_id || '/' || recipe_id as sae_id,
    llm,
    purpose,
    sent_at::date as day,
    status,
    batch_id is not null as batched,
    count(*) as n_requests,
    sum(attempts)::bigint as n_attempts,
    sum(tokens)::bigint as n_tokens,
    sum(input_tokens)::bigint as input_tokens,
    sum(output_tokens)::bigint as output_tokens,
    sum(cache_read_tokens)::bigint as cache_read_tokens,
    sum(cache_write_tokens)::bigint as cache_write_tokens,
    sum(cost_usd) as cost_usd
from llm_request
group by all;

comment on column spend.sae_id is 'model_id/recipe_id [id]';
comment on column spend.day is 'Day on which requests were sent, UTC; null for what was never sent [date]';
comment on column spend.batched is 'Whether they were sent as a batch [boolean]';
comment on column spend.n_requests is 'Requests [requests]';
comment on column spend.n_attempts is 'Attempts, repeated ones included [attempts]';
comment on column spend.n_tokens is 'Tokens of all kinds [tokens]';
comment on column spend.input_tokens is 'Tokens sent, the cached aside [tokens]';
comment on column spend.output_tokens is 'Tokens answered [tokens]';
comment on column spend.cache_read_tokens is 'Tokens read from the provider''s cache [tokens]';
comment on column spend.cache_write_tokens is 'Tokens written to it [tokens]';
comment on column spend.cost_usd is 'What they cost [USD]';
