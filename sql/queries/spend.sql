-- What did language models cost, by day and purpose?
select
    sae_id,
    day,
    purpose,
    llm,
    status,
    batched,
    n_requests,
    n_tokens,
    cost_usd
from spend
order by day desc, sae_id, purpose;
