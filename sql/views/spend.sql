-- What language models were asked and what it cost.
-- Grain: one row per (model_id, recipe_id, llm, purpose, day, status); day is in UTC, null for what was never sent.
create view spend as
select
    model_id,
    recipe_id,
    model_id || '/' || recipe_id as sae_id,
    llm,
    purpose,
    sent_at::date as day,
    status,
    count(*) as n_requests,
    sum(attempts)::bigint as n_attempts,
    sum(tokens)::bigint as n_tokens,
    sum(cost_usd) as cost_usd
from llm_request
group by all;
