-- The strongest edges, mean of all prompts in which they were kept, estimates beside patching itself.
with estimated as (
    select
        direction,
        source,
        source_layer,
        source_head,
        target,
        target_layer,
        target_head,
        avg(effect) filter (where method = 'eap') as eap,
        avg(effect) filter (where method = 'eap_ig') as eap_ig,
        avg(effect) filter (where method = 'exact') as exact,
        count(distinct prompt_id) as n_prompts,
        count(distinct prompt_id) filter (where method = 'exact') as n_exact
    from edge_effect
    where model_id = $model_id and experiment_id = $experiment_id
    group by all
)

select *
from estimated
qualify
    row_number() over (
        partition by direction order by abs(coalesce(eap_ig, eap)) * n_prompts desc nulls last,
        source, source_layer, source_head, target, target_layer, target_head
    ) <= 20
order by direction, abs(coalesce(eap_ig, eap)) * n_prompts desc nulls last;
