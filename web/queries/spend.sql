-- What language models were asked about the dictionary, and what it cost.
-- api: /saes/{model_id}/{recipe_id}/spend
select
    llm,
    purpose,
    day,
    status,
    batched,
    n_requests,
    input_tokens,
    cache_write_tokens,
    cache_read_tokens,
    output_tokens,
    n_tokens,
    cost_usd
from spend
where model_id = $model_id and recipe_id = $recipe_id
order by day, llm, purpose, status, batched;
