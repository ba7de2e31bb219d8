-- What did each recipe's labels cost, day by day, live and in batches?
select
    model_id,
    recipe_id,
    day,
    batched,
    sum(n_requests)::bigint as n_requests,
    sum(input_tokens)::bigint as input_tokens,
    sum(cache_write_tokens)::bigint as cache_write_tokens,
    sum(cache_read_tokens)::bigint as cache_read_tokens,
    sum(output_tokens)::bigint as output_tokens,
    sum(cost_usd) as cost_usd
from spend
group by all
order by day desc, model_id, recipe_id, batched;
