-- The places that carry most over all prompts, denoising beside noising, by patching itself where it was asked for.
with best as (
    select
        *,
        case method when 'exact' then 0 when 'integrated_gradients' then 1 else 2 end as preference
    from patching_mean
    where model_id = $model_id and experiment_id = $experiment_id
    qualify
        row_number() over (
            partition by direction, site, layer, head, place order by n_prompts desc, preference
        ) = 1
),

paired as (
    select
        site,
        layer,
        head,
        place,
        max(n_prompts) as n_prompts,
        any_value(method) as method,
        any_value(share) filter (where direction = 'denoising') as denoising,
        any_value(share_ci_low) filter (where direction = 'denoising') as denoising_ci_low,
        any_value(share_ci_high) filter (where direction = 'denoising') as denoising_ci_high,
        any_value(share) filter (where direction = 'noising') as noising,
        any_value(share_ci_low) filter (where direction = 'noising') as noising_ci_low,
        any_value(share_ci_high) filter (where direction = 'noising') as noising_ci_high
    from best
    group by all
)

select *
from paired
where n_prompts > 1
qualify
    row_number() over (partition by site order by abs(coalesce(denoising, noising)) desc nulls last, layer, head) <= 8
order by site, abs(coalesce(denoising, noising)) desc nulls last, layer, head;
