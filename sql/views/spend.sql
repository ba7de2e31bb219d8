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
